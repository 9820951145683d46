// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
package import SigV4

/// AWS STS: the two operations that give credentials, and the one that says whose they are (Query protocol, version
/// 2011-06-15).
package struct STSClient: Sendable {
    struct Role: Sendable {
        let arn: String
        /// Who names it, for messages.
        let profile: String
        var sessionName: String?
        var externalID: String?
        var durationSeconds: Int?

        init(arn: String, profile: String) {
            self.arn = arn
            self.profile = profile
        }
    }

    /// Characters of a token (STS API Reference, AssumeRoleWithWebIdentity).
    private static let maximumToken = 20_000
    private static let contentType = "application/x-www-form-urlencoded; charset=utf-8"

    private let context: CredentialContext
    private let region: String
    private let endpoint: String

    /// For ``callerARN(as:)``.
    package init(_ context: CredentialContext) { self.init(context, profile: [:]) }

    /// `profile` may name the region.
    init(_ context: CredentialContext, profile: [String: String]) {
        self.context = context
        region =
            context.variable("AWS_REGION") ?? context.variable("AWS_DEFAULT_REGION") ?? profile["region"]
            ?? context.region ?? "us-east-1"
        let ignoresConfigured = context.variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.lowercased() == "true"
        let configured =
            ignoresConfigured
            ? nil : context.variable("AWS_ENDPOINT_URL_STS") ?? context.variable("AWS_ENDPOINT_URL")
        endpoint =
            configured ?? "https://sts.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")"
    }

    /// AssumeRole, signed with `credentials`.
    func assume(_ role: Role, as credentials: AWSCredentials) async throws(CredentialError) -> ResolvedCredentials {
        try await call("AssumeRole", role, [], signedBy: credentials)
    }

    /// AssumeRoleWithWebIdentity, which the token alone authenticates. The file is read now: whoever wrote it writes it
    /// again before it ends.
    func assume(_ role: Role, withTokenIn file: String) async throws(CredentialError) -> ResolvedCredentials {
        guard let bytes = SmallFile.read(file, limit: Self.maximumToken), !bytes.isEmpty else {
            throw CredentialError("the web identity token in \(file) cannot be read, is empty or too long")
        }
        let token = String(decoding: bytes, as: UTF8.self)
        return try await call("AssumeRoleWithWebIdentity", role, [("WebIdentityToken", token)], signedBy: nil)
    }

    /// GetCallerIdentity, which needs no permission: the ARN of a user, or of a role's session.
    package func callerARN(as credentials: AWSCredentials) async throws(CredentialError) -> String {
        let answer = try await call("GetCallerIdentity", [], signedBy: credentials, for: "STS")
        guard let arn = STSAnswer.callerARN(answer.body), arn.hasPrefix("arn:") else {
            throw CredentialError("the answer of STS to GetCallerIdentity is not what it returns")
        }
        return arn
    }

    private func call(
        _ action: String,
        _ role: Role,
        _ extra: [(String, String)],
        signedBy credentials: AWSCredentials?
    ) async throws(CredentialError) -> ResolvedCredentials {
        var form: [(String, String)] = [
            ("RoleArn", role.arn), ("RoleSessionName", role.sessionName ?? "keybroker-\(context.clock().seconds)"),
        ]
        if let seconds = role.durationSeconds { form.append(("DurationSeconds", String(seconds))) }
        if let id = role.externalID { form.append(("ExternalId", id)) }
        let answer = try await call(action, form + extra, signedBy: credentials, for: role.profile)
        guard let document = STSAnswer(answer.body), let end = Timestamp(rfc3339: document.expiration) else {
            throw CredentialError("\(role.profile): the answer of STS to \(action) is not what it returns")
        }
        return try ResolvedCredentials(
            id: document.accessKeyID,
            secret: document.secretAccessKey,
            token: document.sessionToken,
            lifetime: .until(end),
            from: "role \(role.arn) (\(role.profile))"
        )
    }

    private func call(
        _ action: String,
        _ parameters: [(String, String)],
        signedBy credentials: AWSCredentials?,
        for subject: String
    ) async throws(CredentialError) -> WebResponse {
        let form = [("Action", action), ("Version", "2011-06-15")] + parameters
        let body = Array(form.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&").utf8)
        return try await context.retrying { () async throws(RetryableError) in
            try await send(action, body, signedBy: credentials, for: subject)
        }
    }

    private func send(
        _ action: String,
        _ body: [UInt8],
        signedBy credentials: AWSCredentials?,
        for subject: String
    ) async throws(RetryableError) -> WebResponse {
        guard let url = try? ServiceURL(endpoint) else {
            throw RetryableError("the endpoint of STS is not an http or https URL", isTransient: false)
        }
        var headers = [(name: "Host", value: url.host), (name: "Content-Type", value: Self.contentType)]
        if let credentials {
            let request = SigV4Request(method: "POST", target: url.path, headers: headers, body: body)
            let scope = SigV4Scope(region: region, service: "sts")
            headers += SigV4Signer.sign(request, credentials: credentials, scope: scope, at: context.clock())
        }
        let answer: WebResponse
        do {
            answer = try await context.web.post(url.origin + url.path, headers: headers, body: body)
        } catch {
            throw RetryableError("\(subject): STS at \(url.host): \(error)", isTransient: error.isTransient)
        }
        guard answer.status != 200 else { return answer }
        let error = STSError(answer.body)
        throw RetryableError(
            "\(subject): STS refuses \(action): \(error?.line ?? "HTTP \(answer.status)")",
            isTransient: answer.status >= 500 || error?.isTransient ?? false
        )
    }
}

extension WebError {
    /// Whether the same request may be answered a second later.
    var isTransient: Bool {
        switch self {
        case .unreachable, .timeout: true
        case .untrustedCertificate, .responseTooLarge: false
        }
    }
}
