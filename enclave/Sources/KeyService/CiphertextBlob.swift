// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KMSProtocol

/// The ciphertext of a SYMMETRIC_DEFAULT key, in a format of this service's own: AWS's is opaque by contract.
///
///     version      1 byte, 0xB1: no ciphertext of AWS KMS begins so (theirs: 0x01)
///     length       1 byte, of the key id
///     key id       as in the key's ARN
///     nonce        12 bytes, random
///     ciphertext   as long as the plaintext, then 16 bytes of tag (AES-256-GCM)
///
/// The additional data are the bytes up to the nonce, then the encryption context in its canonical form.
struct CiphertextBlob {
    static let version: UInt8 = 0xB1
    /// API Reference, CiphertextBlob.
    static let maximumLength = 6144

    let keyID: String
    private let header: [UInt8]
    private let nonce: [UInt8]
    private let sealed: [UInt8]

    /// Splits a blob into its parts; nil for anything that is not one. Authenticates nothing.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= Self.maximumLength, bytes.count >= 2, bytes[0] == Self.version else { return nil }
        let headerLength = 2 + Int(bytes[1])
        let nonceEnd = headerLength + AESGCM.nonceLength
        guard bytes.count >= nonceEnd + AESGCM.tagLength,
            let keyID = String(validating: bytes[2..<headerLength], as: UTF8.self)
        else { return nil }
        self.keyID = keyID
        header = Array(bytes[..<headerLength])
        nonce = Array(bytes[headerLength..<nonceEnd])
        sealed = Array(bytes[nonceEnd...])
    }

    /// - Throws: `authenticationFailed` for another key, another context, or changed bytes.
    func open(with key: SharedSecret, context: EncryptionContext) throws(CryptographyError) -> SecretBytes {
        try AESGCM.open(sealed, key: key.bytes, nonce: nonce, additionalData: header + context.canonicalBytes)
    }

    /// Encrypts. Random nonces bear 2^32 messages under one key (NIST SP 800-38D, section 8.3), which a development KMS
    /// does not reach.
    static func seal(
        _ plaintext: borrowing SecretBytes,
        keyID: String,
        key: SharedSecret,
        context: EncryptionContext,
        random: RandomSource
    ) throws(CryptographyError) -> [UInt8] {
        guard let idLength = UInt8(exactly: keyID.utf8.count) else { throw CryptographyError(.invalidLength) }
        let header = [version, idLength] + Array(keyID.utf8)
        let nonce = try random(AESGCM.nonceLength)
        let additionalData = header + context.canonicalBytes
        let sealed = try plaintext.withBytes { (bytes: RawSpan) throws(CryptographyError) -> [UInt8] in
            try AESGCM.seal(bytes, key: key.bytes, nonce: nonce, additionalData: additionalData)
        }
        return header + nonce + sealed
    }
}
