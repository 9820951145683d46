// SPDX-License-Identifier: Apache-2.0

// Which algorithms, usages and message types go together (Developer Guide, "Key spec reference"), and the order in
// which KMS lists them.

extension KeySpec {
    /// Algorithms that KMS lists for a signing key of this spec, in its order. Empty for specs that do not sign.
    package var documentedSigningAlgorithms: [SigningAlgorithm] {
        switch self {
        case .rsa2048, .rsa3072, .rsa4096:
            [.rsaPKCS1SHA256, .rsaPKCS1SHA384, .rsaPKCS1SHA512, .rsaPSSSHA256, .rsaPSSSHA384, .rsaPSSSHA512]
        case .eccNISTP256, .eccSECGP256K1: [.ecdsaSHA256]
        case .eccNISTP384: [.ecdsaSHA384]
        case .eccNISTP521: [.ecdsaSHA512]
        case .eccNISTEdwards25519: [.ed25519PhSHA512, .ed25519SHA512]
        case .symmetricDefault, .hmac224, .hmac256, .hmac384, .hmac512: []
        }
    }

    /// ``documentedSigningAlgorithms`` without those that cannot be made here: what responses list.
    package var signingAlgorithms: [SigningAlgorithm] { documentedSigningAlgorithms.filter(\.isAvailable) }

    /// MAC algorithms of an HMAC key of this spec: one, or none.
    package var macAlgorithms: [MACAlgorithm] {
        switch self {
        case .hmac224: [.hmacSHA224]
        case .hmac256: [.hmacSHA256]
        case .hmac384: [.hmacSHA384]
        case .hmac512: [.hmacSHA512]
        default: []
        }
    }

    /// Encryption algorithms of an encryption key of this spec, in KMS's order.
    package var encryptionAlgorithms: [EncryptionAlgorithm] {
        switch self {
        case .symmetricDefault: [.symmetricDefault]
        case .rsa2048, .rsa3072, .rsa4096: [.rsaesOAEPSHA1, .rsaesOAEPSHA256]
        default: []
        }
    }

    /// Usages that KMS allows for this spec.
    package var usages: [KeyUsage] {
        switch self {
        case .symmetricDefault: [.encryptDecrypt]
        case .rsa2048, .rsa3072, .rsa4096: [.encryptDecrypt, .signVerify]
        case .eccNISTP256, .eccNISTP384, .eccNISTP521: [.signVerify, .keyAgreement]
        case .eccSECGP256K1, .eccNISTEdwards25519: [.signVerify]
        case .hmac224, .hmac256, .hmac384, .hmac512: [.generateVerifyMAC]
        }
    }

    /// False for HMAC and SYMMETRIC_DEFAULT, which have no public key.
    package var isAsymmetric: Bool {
        switch self {
        case .symmetricDefault, .hmac224, .hmac256, .hmac384, .hmac512: false
        default: true
        }
    }
}

extension SigningAlgorithm {
    /// The hash that a message goes through first: `sha256`, `sha384` or `sha512`.
    ///
    /// Ed25519 hashes inside with SHA-512, and ED25519_PH_SHA_512 before as well.
    package var hashName: String {
        switch self {
        case .rsaPSSSHA256, .rsaPKCS1SHA256, .ecdsaSHA256: "sha256"
        case .rsaPSSSHA384, .rsaPKCS1SHA384, .ecdsaSHA384: "sha384"
        case .rsaPSSSHA512, .rsaPKCS1SHA512, .ecdsaSHA512, .ed25519SHA512, .ed25519PhSHA512: "sha512"
        }
    }

    /// Bytes of a `Message` of type DIGEST.
    package var digestLength: Int {
        switch self {
        case .rsaPSSSHA256, .rsaPKCS1SHA256, .ecdsaSHA256: 32
        case .rsaPSSSHA384, .rsaPKCS1SHA384, .ecdsaSHA384: 48
        case .rsaPSSSHA512, .rsaPKCS1SHA512, .ecdsaSHA512, .ed25519SHA512, .ed25519PhSHA512: 64
        }
    }

    /// Message types that this algorithm signs. EXTERNAL_MU belongs to ML-DSA alone.
    package var messageTypes: [MessageType] {
        switch self {
        case .ed25519SHA512: [.raw]
        case .ed25519PhSHA512: [.digest]
        default: [.raw, .digest]
        }
    }

    /// False for ED25519_PH_SHA_512: OpenSSL 3.0 has no Ed25519ph (RFC 8032 section 5.1).
    package var isAvailable: Bool { self != .ed25519PhSHA512 }

    /// Checks an algorithm and a message against the spec of the key, with KMS's error texts.
    ///
    /// - Throws: `InvalidKeyUsageException` for an algorithm of another spec; `ValidationException` for a message type
    ///   that does not go with them, or a digest of a wrong length; `UnsupportedOperationException` for an algorithm
    ///   that KMS has and this implementation has not.
    package func check(spec: KeySpec, messageType: MessageType, messageLength: Int) throws(KMSError) {
        guard messageType != .externalMu else {
            throw .messageTypeIncompatible(messageType, with: spec)
        }
        guard spec.documentedSigningAlgorithms.contains(self) else {
            throw .algorithmIncompatible(rawValue, with: spec)
        }
        guard messageTypes.contains(messageType) else {
            throw .messageTypeIncompatible(messageType, with: self)
        }
        guard messageType != .digest || messageLength == digestLength else {
            throw .digestLengthInvalid(for: self)
        }
        guard isAvailable else {
            throw KMSError("UnsupportedOperationException", "Algorithm \(rawValue) is not supported.")
        }
    }
}

extension MACAlgorithm {
    /// `sha224`, `sha256`, `sha384` or `sha512`.
    package var hashName: String {
        switch self {
        case .hmacSHA224: "sha224"
        case .hmacSHA256: "sha256"
        case .hmacSHA384: "sha384"
        case .hmacSHA512: "sha512"
        }
    }

    /// Bytes of a MAC.
    package var length: Int {
        switch self {
        case .hmacSHA224: 28
        case .hmacSHA256: 32
        case .hmacSHA384: 48
        case .hmacSHA512: 64
        }
    }

    /// - Throws: `InvalidKeyUsageException` for an algorithm of another spec, with KMS's text.
    package func check(spec: KeySpec) throws(KMSError) {
        guard spec.macAlgorithms.contains(self) else { throw .algorithmIncompatible(rawValue, with: spec) }
    }
}
