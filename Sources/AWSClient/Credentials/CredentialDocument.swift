// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Credentials as JSON: of the container's endpoint, of instance metadata, of `credential_process`.
enum CredentialDocument {
    private static let limits = JSONLimits(totalLength: 128 * 1024, depth: 4)

    static func object(_ bytes: [UInt8]) -> JSONObject? { (try? JSON.parse(bytes, limits: limits))?.object }

    /// `token` is the name of the session token's member, which some call `Token` and others `SessionToken`.
    static func credentials(
        _ object: JSONObject,
        token: String,
        isTokenRequired: Bool,
        from source: String
    ) throws(CredentialError) -> ResolvedCredentials {
        guard let id = object["AccessKeyId"]?.string, let secret = object["SecretAccessKey"]?.string,
            !isTokenRequired || object[token]?.string != nil
        else { throw CredentialError("\(source): no AccessKeyId, SecretAccessKey or \(token) in the answer") }
        let lifetime: ResolvedCredentials.Lifetime
        if let text = object["Expiration"]?.string {
            guard let end = Timestamp(rfc3339: text) else {
                throw CredentialError("\(source): Expiration is not a time as in RFC 3339")
            }
            lifetime = .until(end)
        } else if isTokenRequired {
            throw CredentialError("\(source): no Expiration in the answer")
        } else {
            lifetime = .unstated
        }
        return try ResolvedCredentials(
            id: id,
            secret: secret,
            token: object[token]?.string,
            lifetime: lifetime,
            from: source
        )
    }
}
