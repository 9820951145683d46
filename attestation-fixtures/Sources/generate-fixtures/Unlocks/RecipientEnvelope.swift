// SPDX-License-Identifier: Apache-2.0

import Cryptography

/// A `CiphertextForRecipient` that is the same each time. OAEP's seed is OpenSSL's own, so that OAEP is done here; the
/// structure is written by hand, in forms that real KMS does not use too.
struct RecipientEnvelope {
    /// How the ciphertext stands in the message.
    enum Form {
        /// As KMS: indefinite lengths, one chunk.
        case kms
        /// A chunk for each block.
        case chunked
    }

    private static let hashLength = 32
    private static let rsaLength = 256

    var subjectKeyIdentifier: [UInt8]
    var encryptedKey: [UInt8]
    var initializationVector: [UInt8]
    var ciphertext: [UInt8]
    var form = Form.kms

    init(_ plaintext: [UInt8], to key: PublicKey, name: String, form: Form = .kms) throws {
        let random = FixtureRandom("envelope \(name)")
        let contentKey = try random.bytes(32)
        let vector = try random.bytes(16)
        self.subjectKeyIdentifier = Hash.digest(.sha256, key.spki)
        self.encryptedKey = Self.encrypt(contentKey, to: key, seed: try random.bytes(Self.hashLength))
        self.initializationVector = vector
        self.ciphertext = try Self.encrypt(plaintext, contentKey, vector, key)
        self.form = form
    }

    // MARK: Structure

    var bytes: [UInt8] {
        let sha256 = DER.sequence(DER.objectIdentifier("2.16.840.1.101.3.4.2.1"), DER.element(0x05, []))
        let mask = DER.sequence(DER.objectIdentifier("1.2.840.113549.1.1.8"), sha256)
        let recipient = DER.sequence(
            DER.integer(2),
            DER.element(0x80, subjectKeyIdentifier),
            DER.sequence(
                DER.objectIdentifier("1.2.840.113549.1.1.7"),
                DER.sequence(DER.explicit(0, sha256), DER.explicit(1, mask))
            ),
            DER.octetString(encryptedKey)
        )
        let cipher = DER.sequence(
            DER.objectIdentifier("2.16.840.1.101.3.4.1.42"),
            DER.octetString(initializationVector)
        )
        let content = Self.indefinite(
            0x30,
            DER.objectIdentifier("1.2.840.113549.1.7.1") + cipher + Self.indefinite(0xa0, chunks)
        )
        let enveloped = Self.indefinite(0x30, DER.integer(2) + DER.set(recipient) + content)
        return Self.indefinite(0x30, DER.objectIdentifier("1.2.840.113549.1.7.3") + Self.indefinite(0xa0, enveloped))
    }

    private var chunks: [UInt8] {
        switch form {
        case .kms: DER.octetString(ciphertext)
        case .chunked:
            stride(from: 0, to: ciphertext.count, by: 16).flatMap { start in
                DER.octetString(Array(ciphertext[start..<min(start + 16, ciphertext.count)]))
            }
        }
    }

    private static func indefinite(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] { [tag, 0x80] + contents + [0, 0] }

    // MARK: AES-256-CBC

    /// By the product's own sealing with these values in place of random ones: the ciphertext is at a known place in it.
    private static func encrypt(
        _ plaintext: [UInt8],
        _ contentKey: [UInt8],
        _ vector: [UInt8],
        _ key: PublicKey
    ) throws -> [UInt8] {
        var copy = plaintext
        let sealed = try CMSEnvelopedData.seal(try SecretBytes(movingFrom: &copy), to: key) { count in
            count == contentKey.count ? contentKey : vector
        }
        let length = (plaintext.count / 16 + 1) * 16
        let closing = 10
        return Array(sealed.dropLast(closing).suffix(length))
    }

    // MARK: RSAES-OAEP (RFC 8017 section 7.1.1), SHA-256, no label

    private static func encrypt(_ message: [UInt8], to key: PublicKey, seed: [UInt8]) -> [UInt8] {
        let padding = [UInt8](repeating: 0, count: rsaLength - message.count - 2 * hashLength - 2)
        let block = Hash.digest(.sha256, []) + padding + [1] + message
        let maskedBlock = exclusiveOr(block, mask(seed, block.count))
        let maskedSeed = exclusiveOr(seed, mask(maskedBlock, seed.count))
        // The modulus of an RSA-2048 key, before the exponent 65537 at the end of its SubjectPublicKeyInfo.
        let modulus = Modulus(Array(key.spki.dropLast(5).suffix(rsaLength)))
        let encoded = modulus.value([0] + maskedSeed + maskedBlock)
        var power = encoded
        for _ in 0..<16 { power = modulus.multiply(power, power) }
        return modulus.bytes(modulus.multiply(power, encoded))
    }

    /// MGF1 (RFC 8017 appendix B.2.1).
    private static func mask(_ seed: [UInt8], _ length: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var counter: UInt8 = 0
        while bytes.count < length {
            bytes += Hash.digest(.sha256, seed + [0, 0, 0, counter])
            counter += 1
        }
        return Array(bytes.prefix(length))
    }

    private static func exclusiveOr(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { zip(a, b).map { $0 ^ $1 } }
}
