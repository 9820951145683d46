// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A named elliptic curve.
package enum EllipticCurve: String, Sendable, CaseIterable {
    case p256
    case p384
    case p521
    case secp256k1

    /// Bytes of a coordinate or of r and s: 32, 48, 66, 32.
    package var coordinateLength: Int {
        switch self {
        case .p256, .secp256k1: 32
        case .p384: 48
        case .p521: 66
        }
    }

    var objectIdentifier: String {
        switch self {
        case .p256: ObjectIdentifier.prime256v1
        case .p384: ObjectIdentifier.secp384r1
        case .p521: ObjectIdentifier.secp521r1
        case .secp256k1: ObjectIdentifier.secp256k1
        }
    }

    /// OpenSSL's name of it.
    var opensslName: String {
        switch self {
        case .p256: "prime256v1"
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        case .secp256k1: "secp256k1"
        }
    }
}

/// What kind of key, exactly.
package enum KeyAlgorithm: Sendable, Hashable {
    /// Modulus in bits.
    case rsa(bits: Int)
    case ec(EllipticCurve)
    case ed25519

    /// Bytes of the longest signature.
    var maximumSignatureLength: Int {
        switch self {
        case .rsa(let bits): (bits + 7) / 8
        // SEQUENCE of two INTEGERs, each with a sign byte; lengths above 127 take two bytes.
        case .ec(let curve): 2 * (curve.coordinateLength + 3) + 3
        case .ed25519: 64
        }
    }
}

/// How a message or digest is signed.
///
/// SHA-1 and SHA-224 sign nothing and verify nothing: no protocol here uses them, and SHA-1 is broken.
package enum SignatureScheme: Sendable, Hashable {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    case rsaPKCS1(HashAlgorithm)
    /// RSASSA-PSS (RFC 8017 section 8.1), MGF1 with the same hash, salt as long as the hash.
    case rsaPSS(HashAlgorithm)
    /// ECDSA, DER `SEQUENCE { r, s }`.
    case ecdsa(HashAlgorithm)
    /// PureEdDSA (RFC 8032). Has no digest form.
    case ed25519

    /// The hash of a scheme that fits the key; nil for Ed25519, which hashes by itself.
    ///
    /// - Throws: `schemeMismatch` for a scheme of another kind of key, or a hash that is too weak to sign.
    func hash(for algorithm: KeyAlgorithm) throws(CryptographyError) -> HashAlgorithm? {
        let hash: HashAlgorithm
        switch (self, algorithm) {
        case (.rsaPKCS1(let named), .rsa), (.rsaPSS(let named), .rsa), (.ecdsa(let named), .ec): hash = named
        case (.ed25519, .ed25519): return nil
        default: throw CryptographyError(.schemeMismatch)
        }
        switch hash {
        case .sha256, .sha384, .sha512: return hash
        case .sha1, .sha224: throw CryptographyError(.schemeMismatch)
        }
    }
}
