// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding

/// How a signer signs the 32 bytes of a digest.
package enum SignerAlgorithm: String, Sendable, CaseIterable {
    /// PKCS#1 v1.5 over the digest.
    case rsaSHA256 = "rsa-sha256"
    /// PSS over the digest, with a salt of 32 bytes. Never tried unless a registry names it.
    case rsaPSSSHA256 = "rsa-pss-sha256"
    case ecdsaSHA256 = "ecdsa-sha256"
    /// Ed25519, with the digest's bytes as its message.
    case ed25519 = "ed25519"
    /// Whoever can verify can forge.
    case hmacSHA256 = "hmac-sha256"

    /// By any of the names in use, in any case: the systems' own, their short ones and KMS's.
    package init?(name: String) {
        switch name.lowercased().replacing("_", with: "-") {
        case "rsa-sha256", "rsa", "rsassa-pkcs1-v1-5-sha-256": self = .rsaSHA256
        case "rsa-pss-sha256", "rsassa-pss-sha-256": self = .rsaPSSSHA256
        case "ecdsa-sha256", "ecdsa-sha-256": self = .ecdsaSHA256
        case "ed25519", "ed25519-sha-512": self = .ed25519
        case "hmac-sha256", "hmac-sha-256": self = .hmacSHA256
        default: return nil
        }
    }

    /// What a public key of this kind signs with, where nothing says otherwise.
    package init(default algorithm: KeyAlgorithm) {
        switch algorithm {
        case .rsa: self = .rsaSHA256
        case .ec: self = .ecdsaSHA256
        case .ed25519: self = .ed25519
        }
    }

    /// Of a public key's signature, over SHA-256 where it hashes; nil for an HMAC.
    package var scheme: SignatureScheme? {
        switch self {
        case .rsaSHA256: .rsaPKCS1(.sha256)
        case .rsaPSSSHA256: .rsaPSS(.sha256)
        case .ecdsaSHA256: .ecdsa(.sha256)
        case .ed25519: .ed25519
        case .hmacSHA256: nil
        }
    }

    package func fits(_ algorithm: KeyAlgorithm) -> Bool {
        switch (self, algorithm) {
        case (.rsaSHA256, .rsa), (.rsaPSSSHA256, .rsa), (.ecdsaSHA256, .ec), (.ed25519, .ed25519): true
        default: false
        }
    }
}

/// Who signs: a key, and when its signatures count.
package struct Signer: Sendable {
    package enum Key: Sendable {
        case publicKey(PublicKey)
        /// Of an HMAC. Not secret any more: it stood in a registry.
        case shared([UInt8])
    }

    package enum Revocation: Sendable, Equatable {
        /// What is dated from then on does not count.
        case from(Timestamp)
        /// Nothing counts: somebody else may have the key, and dates are what the signer says.
        case entirely
    }

    /// What binds the key to an enclave.
    package struct Attestation: Sendable, Equatable {
        /// The document as the security module signed it (COSE_Sign1).
        package let document: [UInt8]

        package init(document: [UInt8]) { self.document = document }
    }

    package let id: String
    package let key: Key
    package let algorithm: SignerAlgorithm
    /// Checks many signatures of a public key; nil for a shared one.
    private let verifier: SignatureVerifier?
    /// Signatures count from here on.
    package var notBefore: Timestamp?
    /// And before this.
    package var notAfter: Timestamp?
    package var revocation: Revocation?
    package var attestation: Attestation?
    package var description: String?

    package init(id: String, key: PublicKey, algorithm: SignerAlgorithm? = nil) {
        self.id = id
        self.key = .publicKey(key)
        self.algorithm = algorithm ?? SignerAlgorithm(default: key.algorithm)
        verifier = self.algorithm.scheme.map { SignatureVerifier(key, scheme: $0) }
    }

    package init(id: String, sharedKey: [UInt8]) {
        self.id = id
        key = .shared(sharedKey)
        algorithm = .hmacSHA256
        verifier = nil
    }

    package var publicKey: PublicKey? {
        if case .publicKey(let key) = key { key } else { nil }
    }
}

/// Why the signature of a signer does not count at a time.
package enum SignerRefusal: String, Sendable {
    case revoked = "signer-revoked"
    case notYetValid = "signer-not-yet-valid"
    case expired = "signer-expired"
    /// The signer has a validity, and the record has no time that can be read.
    case timeMissing = "time-missing"
}

extension Signer {
    /// Nil if what it signed at `time` counts.
    package func refusal(at time: @autoclosure () -> Timestamp?) -> SignerRefusal? {
        if revocation == .entirely { return .revoked }
        guard notBefore != nil || notAfter != nil || revocation != nil else { return nil }
        guard let time = time() else { return .timeMissing }
        if case .from(let start) = revocation, time >= start { return .revoked }
        if let notBefore, time < notBefore { return .notYetValid }
        if let notAfter, time >= notAfter { return .expired }
        return nil
    }

    /// Whether `signature`, in base64 or hex, is this signer's over a digest.
    ///
    /// A text of hex digits alone is base64 too: each reading counts if it has a length that this signer's signatures have.
    package func verify(_ signature: String, digest: Digest256) -> Bool {
        if let bytes = try? Base64.decode(signature), accepts(bytes.count), verify(bytes, digest: digest.bytes) {
            return true
        }
        guard accepts(signature.utf8.count / 2), let bytes = try? Hex.decode(signature) else { return false }
        return verify(bytes, digest: digest.bytes)
    }

    package func verify(_ signature: [UInt8], digest: [UInt8]) -> Bool {
        switch key {
        case .publicKey: verifier?.verify(signature, signed: digest) == true
        case .shared(let key): constantTimeEquals(HMAC.authenticate(.sha256, key: key, message: digest), signature)
        }
    }

    /// Whether this signer's signatures can have so many bytes.
    private func accepts(_ length: Int) -> Bool {
        switch key {
        case .publicKey(let key): key.accepts(signatureOf: length)
        case .shared: length == Digest256.length
        }
    }
}
