// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The role of an EC2 instance, by instance metadata version 2. Version 1, which any program that can be made to fetch a
/// URL can be made to ask, is never used.
struct InstanceMetadata: Sendable {
    private static let address = "http://169.254.169.254"
    private static let addressIPv6 = "http://[fd00:ec2::254]"
    private static let rolePath = "/latest/meta-data/iam/security-credentials/"
    /// Seconds that the session token lives: it is used at once (1 to 21600, EC2 User Guide).
    private static let tokenLifetime = "300"

    private let context: CredentialContext
    private let endpoint: String

    /// `profile` may name the endpoint.
    init(_ context: CredentialContext, profile: [String: String]?) {
        self.context = context
        let mode =
            context.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") ?? profile?["ec2_metadata_service_endpoint_mode"]
        let named = context.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? profile?["ec2_metadata_service_endpoint"]
        let chosen = named ?? (mode?.lowercased() == "ipv6" ? Self.addressIPv6 : Self.address)
        endpoint = chosen.hasSuffix("/") ? String(chosen.dropLast()) : chosen
    }

    func resolve() async throws(CredentialError) -> ResolvedCredentials {
        if context.variable("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" {
            throw CredentialError("instance metadata is switched off (AWS_EC2_METADATA_DISABLED)")
        }
        guard let url = try? ServiceURL(endpoint) else {
            throw CredentialError("the endpoint of instance metadata is not an http or https URL")
        }
        return try await context.retrying { () async throws(RetryableError) in
            let token = try await token(url)
            let role = try await role(url, token)
            let body = try await get(url, Self.rolePath + PercentEncoding.encode(role), token, "the role \(role)")
            guard let object = CredentialDocument.object(body) else {
                throw RetryableError("instance metadata: the answer is not JSON", isTransient: true)
            }
            // An answer with HTTP status 200 can be an error: the role does not trust EC2, say.
            if let code = object["Code"]?.string, code != "Success" {
                throw RetryableError("instance metadata: role \(role): \(code.prefix(100))", isTransient: false)
            }
            do throws(CredentialError) {
                return try CredentialDocument.credentials(
                    object,
                    token: "Token",
                    isTokenRequired: true,
                    from: "instance metadata (role \(role))"
                )
            } catch {
                throw RetryableError(error.description, isTransient: false)
            }
        }
    }

    private func token(_ url: ServiceURL) async throws(RetryableError) -> String {
        let answer: WebResponse
        do {
            answer = try await context.metadata.put(
                url.origin + "/latest/api/token",
                headers: [("Host", url.host), ("X-aws-ec2-metadata-token-ttl-seconds", Self.tokenLifetime)],
                body: []
            )
        } catch {
            // Silence is what a packet beyond the hop limit gets, and what there is outside EC2.
            throw RetryableError(
                "instance metadata at \(url.host) does not answer (\(error)): this is no EC2 instance, it is switched "
                    + "off there, or it is a container beyond the hop limit "
                    + "(aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2)",
                isTransient: false
            )
        }
        let token = String(decoding: answer.body, as: UTF8.self)
        guard answer.status == 200 else {
            throw RetryableError(
                "instance metadata at \(url.host) gives no token: HTTP \(answer.status)"
                    + ([403, 404, 405].contains(answer.status) ? ", so it is switched off there" : ""),
                isTransient: answer.status >= 500 || answer.status == 429
            )
        }
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw RetryableError("instance metadata: the token is not one", isTransient: true)
        }
        return token
    }

    private func role(_ url: ServiceURL, _ token: String) async throws(RetryableError) -> String {
        let body = try await get(url, Self.rolePath, token, "a role")
        let line = body.prefix { $0 != 0x0A && $0 != 0x0D }
        guard !line.isEmpty, line.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw RetryableError("instance metadata: no role is named", isTransient: true)
        }
        return String(decoding: line, as: UTF8.self)
    }

    private func get(
        _ url: ServiceURL,
        _ path: String,
        _ token: String,
        _ subject: String
    ) async throws(RetryableError) -> [UInt8] {
        let answer: WebResponse
        do {
            answer = try await context.metadata.get(
                url.origin + path,
                headers: [("Host", url.host), ("X-aws-ec2-metadata-token", token)]
            )
        } catch {
            throw RetryableError("instance metadata at \(url.host): \(error)", isTransient: error.isTransient)
        }
        switch answer.status {
        case 200: return answer.body
        case 404:
            throw RetryableError(
                "instance metadata has not \(subject): attach an instance profile to the instance",
                isTransient: false
            )
        default:
            // 401: the token has ended; the next attempt asks for another.
            throw RetryableError(
                "instance metadata at \(url.host) answers HTTP \(answer.status)",
                isTransient: answer.status >= 500 || [401, 429].contains(answer.status)
            )
        }
    }
}
