// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding

/// The `signature` of a dossier's frontmatter.
package struct DossierSignature: Sendable {
    package enum Algorithm: String, Sendable {
        /// By KMS, over SHA-256 of the body, with an EC key. High S is as good as low S: KMS makes both.
        case ecdsaSHA256 = "ECDSA-SHA-256"
        /// Over the body itself.
        case ed25519 = "ed25519"

        /// What a key signs dossiers with; nil for keys that sign none.
        package init?(_ key: PublicKey) {
            switch key.algorithm {
            case .ec: self = .ecdsaSHA256
            case .ed25519: self = .ed25519
            case .rsa: return nil
            }
        }
    }

    package let algorithm: Algorithm
    package let signature: [UInt8]
    package let publicKey: PublicKey
    package let keyID: String?
    package let signedAt: String?
    package let signedBy: String?

    package init(
        algorithm: Algorithm,
        signature: [UInt8],
        publicKey: PublicKey,
        keyID: String,
        signedAt: Timestamp,
        signedBy: String?
    ) {
        self.algorithm = algorithm
        self.signature = signature
        self.publicKey = publicKey
        self.keyID = keyID
        self.signedAt = signedAt.rfc3339WithMilliseconds
        self.signedBy = signedBy
    }

    init(_ value: JSON) throws(DocumentRejection) {
        guard let object = value.object, let name = object["algorithm"]?.string else { throw .unsigned }
        guard let algorithm = Algorithm(rawValue: name) else { throw .unknownAlgorithm }
        guard let key = object["public_key"]?.string.flatMap(PublicKeyText.parse) else { throw .noKey }
        guard let signature = object["signature"]?.string.flatMap({ try? Base64.decode($0) }) else {
            throw .signatureInvalid
        }
        self.algorithm = algorithm
        self.signature = signature
        publicKey = key
        keyID = object["key_id"]?.string
        signedAt = object["signed_at"]?.string
        signedBy = object["signed_by"]?.string
    }

    var json: JSON {
        var object = JSONObject([
            ("algorithm", .string(algorithm.rawValue)), ("signature", .string(Base64.encode(signature))),
            // Each as the systems' own verifiers read it.
            (
                "public_key",
                .string(algorithm == .ed25519 ? publicKey.pem : Base64.encode(publicKey.spki))
            ),
        ])
        object["key_id"] = keyID.map { .string($0) }
        object["signed_at"] = signedAt.map { .string($0) }
        object["signed_by"] = signedBy.map { .string($0) }
        return .object(object)
    }
}
