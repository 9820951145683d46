// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Encoding
package import SigV4

/// Credentials, where they are from, and for how long they are good.
package struct ResolvedCredentials: Sendable {
    package enum Lifetime: Sendable, Equatable {
        /// Read from the environment or a file: read again each time, so that a change is taken up.
        case current
        /// Temporary.
        case until(Timestamp)
        /// Of a program that did not say: kept for a while.
        case unstated
    }

    package let credentials: AWSCredentials
    /// For people: `the environment`, `role arn:… by profile x`, `instance metadata`.
    package let source: String
    package let lifetime: Lifetime

    /// Takes the parts in the form in which they came.
    ///
    /// - Throws: `CredentialError` if they could not be sent: they go into headers, where a stray line break would be
    ///   another header.
    init(
        id: String,
        secret: String,
        token: String?,
        lifetime: Lifetime,
        from source: String
    ) throws(CredentialError) {
        let isHeaderSafe: (String) -> Bool = { !$0.isEmpty && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
        guard isHeaderSafe(id), isHeaderSafe(secret), token.map(isHeaderSafe) ?? true else {
            throw CredentialError("the credentials from \(source) have characters that no credentials have")
        }
        var bytes = Array(secret.utf8)
        guard let locked = try? SecretBytes(movingFrom: &bytes) else {
            throw CredentialError("no locked memory left for the secret access key")
        }
        credentials = AWSCredentials(accessKeyID: id, secretAccessKey: SharedSecret(locked), sessionToken: token)
        self.source = source
        self.lifetime = lifetime
    }

    /// When they end; nil if nothing says it.
    package var expiration: Timestamp? { if case .until(let end) = lifetime { end } else { nil } }
}
