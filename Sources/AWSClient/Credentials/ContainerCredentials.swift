// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The endpoint of a container: of ECS (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`), of EKS Pod Identity and others
/// (`AWS_CONTAINER_CREDENTIALS_FULL_URI`).
package struct ContainerCredentials: Sendable {
    package static let origin = "http://169.254.170.2"
    /// Where plain HTTP may go besides this machine itself: ECS, EKS Pod Identity by IPv4 and IPv6.
    private static let allowedHosts: Set<String> = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]
    /// Bytes of an authorization token: a header.
    private static let maximumToken = 16_384

    private let context: CredentialContext

    init(_ context: CredentialContext) { self.context = context }

    /// Nil: no endpoint is named.
    func resolve() async throws(CredentialError) -> ResolvedCredentials? {
        let text: String
        if let path = context.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            text = context.containerOrigin + path
        } else if let full = context.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            text = full
        } else {
            return nil
        }
        guard let url = try? ServiceURL(text) else {
            throw CredentialError("the container's credentials endpoint is not an http or https URL")
        }
        guard text.hasPrefix("https://") || text.hasPrefix(context.containerOrigin + "/") || Self.isAllowed(url.host)
        else {
            throw CredentialError(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI: \(url.host) would be asked in clear: https, this machine itself, "
                    + "169.254.170.2 or 169.254.170.23 only"
            )
        }
        var headers = [(name: "Host", value: url.host), (name: "Accept", value: "application/json")]
        if let token = try token() { headers.append((name: "Authorization", value: token)) }
        let body = try await context.retrying { () async throws(RetryableError) in
            try await get(url, headers)
        }
        guard let object = CredentialDocument.object(body) else {
            throw CredentialError("the container's credentials endpoint at \(url.host): the answer is not JSON")
        }
        return try CredentialDocument.credentials(
            object,
            token: "Token",
            isTokenRequired: true,
            from: "the container's credentials endpoint at \(url.host)"
        )
    }

    private func get(_ url: ServiceURL, _ headers: [(name: String, value: String)]) async throws(RetryableError)
        -> [UInt8]
    {
        let answer: WebResponse
        do {
            answer = try await context.metadata.get(url.origin + url.path, headers: headers)
        } catch {
            throw RetryableError(
                "the container's credentials endpoint at \(url.host): \(error)",
                isTransient: error.isTransient
            )
        }
        guard answer.status == 200 else {
            throw RetryableError(
                "the container's credentials endpoint at \(url.host) answers HTTP \(answer.status)"
                    + ([401, 403].contains(answer.status) ? ": the authorization token is not accepted" : ""),
                isTransient: answer.status >= 500 || answer.status == 429
            )
        }
        return answer.body
    }

    /// Read again each time: EKS writes it anew before it ends.
    private func token() throws(CredentialError) -> String? {
        let token: String
        if let file = context.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            guard let bytes = SmallFile.read(context.path(file), limit: Self.maximumToken) else {
                throw CredentialError("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: \(file) cannot be read")
            }
            token = String(decoding: bytes, as: UTF8.self)
        } else if let value = context.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            token = value
        } else {
            return nil
        }
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            throw CredentialError("the container's authorization token is empty, or has characters that no header has")
        }
        return token
    }

    /// A loopback address or name, or one of the hosts of ECS and EKS; `host` may have a port.
    static func isAllowed(_ host: String) -> Bool {
        var name = host[...]
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]"),
            host[..<colon].hasSuffix("]") || !host[..<colon].contains(":")
        {
            name = host[..<colon]
        }
        if name.lowercased() == "localhost" || name == "[::1]" || allowedHosts.contains(name.lowercased()) {
            return true
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil && $0.utf8.first != UInt8(ascii: "+") }
            && parts[0] == "127"
    }
}
