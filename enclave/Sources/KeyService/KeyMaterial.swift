// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import KMSProtocol

/// Bytes of an AES-256 key: what SYMMETRIC_DEFAULT means (AWS KMS Developer Guide, "Key spec reference").
package let symmetricKeyLength = 32

extension KeySpec {
    /// Makes material of this spec: a key pair, an HMAC key as long as its hash, or 32 AES bytes.
    ///
    /// An RSA key pair takes up to seconds: not on an event loop.
    package func makeMaterial() throws(CryptographyError) -> KeyRecord.Material {
        if let algorithm = keyAlgorithm {
            return .asymmetric(try PrivateKey.generate(algorithm))
        }
        return .symmetric(
            SharedSecret(try SecretBytes.random(count: acceptedLengths?.lowerBound ?? symmetricKeyLength))
        )
    }

    /// Whether material fits: algorithm and size of a key pair, length of an HMAC key (KMS import rules), 32 AES bytes.
    package func accepts(_ material: KeyRecord.Material) -> Bool {
        switch material {
        case .asymmetric(let key): key.algorithm == keyAlgorithm
        case .symmetric(let secret): acceptedLengths?.contains(secret.bytes.count) ?? false
        }
    }

    /// The kind of key pair; nil for a symmetric spec.
    package var keyAlgorithm: KeyAlgorithm? {
        switch self {
        case .rsa2048: .rsa(bits: 2048)
        case .rsa3072: .rsa(bits: 3072)
        case .rsa4096: .rsa(bits: 4096)
        case .eccNISTP256: .ec(.p256)
        case .eccNISTP384: .ec(.p384)
        case .eccNISTP521: .ec(.p521)
        case .eccSECGP256K1: .ec(.secp256k1)
        case .eccNISTEdwards25519: .ed25519
        case .symmetricDefault, .hmac224, .hmac256, .hmac384, .hmac512: nil
        }
    }

    /// Bytes that symmetric material may have; nil for a key pair. The least is what ``makeMaterial()`` makes.
    ///
    /// AWS KMS Developer Guide, "Requirements for imported key material".
    package var acceptedLengths: ClosedRange<Int>? {
        switch self {
        case .symmetricDefault: symmetricKeyLength...symmetricKeyLength
        case .hmac224: 28...64
        case .hmac256: 32...64
        case .hmac384: 48...128
        case .hmac512: 64...128
        default: nil
        }
    }
}
