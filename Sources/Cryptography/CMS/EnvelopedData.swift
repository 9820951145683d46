// SPDX-License-Identifier: Apache-2.0

/// CMS EnvelopedData (RFC 5652 section 6) in the one shape that AWS KMS uses for `CiphertextForRecipient`.
package enum CMSEnvelopedData: Sendable {
    /// `CiphertextForRecipient` is 1 to 6144 bytes (KMS API Reference, Decrypt).
    package static let maximumLength = 6144

    /// Opens an envelope addressed to `key`, strictly: version 2, exactly one KeyTransRecipientInfo version 2 whose
    /// subjectKeyIdentifier is SHA-256 of the key's SPKI, RSAES-OAEP with SHA-256 and MGF1-SHA-256 and no label,
    /// AES-256-CBC, id-data, content primitive or in chunks, outer BER lengths definite or indefinite, nothing after it.
    /// CBC carries no integrity: the caller authenticates the plaintext.
    ///
    /// Whether the encrypted key or the padding is wrong shows neither in the error nor, as far as OpenSSL and Swift
    /// allow, in time: a key that does not decrypt is replaced by a random one, and everything is computed with it.
    ///
    /// - Throws: one error for whatever is wrong, so that nothing is learned from which.
    package static func open(_ message: [UInt8], key: PrivateKey) throws(CMSError) -> SecretBytes {
        let parts = try EnvelopeParts(parsing: message)
        // What follows from public bytes alone may be refused at once.
        guard parts.subjectKeyIdentifier == subjectKeyIdentifier(of: key.publicKey),
            case .rsa(let bits) = key.algorithm, parts.encryptedKey.count == (bits + 7) / 8
        else { throw CMSError() }
        do {
            let contentKey = try ContentKey(decrypting: parts.encryptedKey, with: key)
            let padded = try AESCBC.decryptLeavingPadding(
                parts.ciphertext,
                key: contentKey.bytes,
                initializationVector: parts.initializationVector
            )
            let (isPadded, count) = padded.withBytes { judgePadding($0) }
            // An empty plaintext is refused too: KMS has none.
            guard contentKey.isGenuine & isPadded == 1, count > 0 else { throw CMSError() }
            return try SecretBytes(count: count) { (plaintext: inout MutableRawSpan) in
                unsafe plaintext.withUnsafeMutableBytes { plaintext in
                    padded.withBytes { bytes in
                        for index in 0..<count { unsafe plaintext[index] = byte(bytes, index) }
                    }
                }
            }
        } catch {
            throw CMSError()
        }
    }

    /// Makes an envelope in exactly real KMS's bytes (BER, indefinite lengths, one chunk).
    ///
    /// - Throws: `unsupportedKey` for a key that is not RSA; `invalidLength` for an empty plaintext, or an envelope that
    ///   would be longer than ``maximumLength``.
    package static func seal(_ plaintext: borrowing SecretBytes, to key: PublicKey, random: RandomSource)
        throws(CryptographyError) -> [UInt8]
    {
        guard case .rsa = key.algorithm else { throw CryptographyError(.unsupportedKey) }
        guard (1...maximumLength).contains(plaintext.count) else { throw CryptographyError(.invalidLength) }
        var keyBytes = try random(AESCBC.keyLength)
        let contentKey = try SecretBytes(movingFrom: &keyBytes)
        let initializationVector = try random(AESCBC.blockLength)
        let envelope = EnvelopeWriter.encode(
            subjectKeyIdentifier: subjectKeyIdentifier(of: key),
            encryptedKey: try key.encryptOAEP(contentKey),
            initializationVector: initializationVector,
            ciphertext: try AESCBC.encrypt(
                plaintext,
                key: contentKey,
                initializationVector: initializationVector
            )
        )
        guard envelope.count <= maximumLength else { throw CryptographyError(.invalidLength) }
        return envelope
    }

    /// How KMS names the recipient: SHA-256 of the whole DER SubjectPublicKeyInfo (observed, undocumented).
    private static func subjectKeyIdentifier(of key: PublicKey) -> [UInt8] { Hash.digest(.sha256, key.spki) }

    /// PKCS #7 padding (RFC 5652 section 6.3) at the end of whole blocks, without a branch or an index on their contents.
    ///
    /// - Returns: 1 if the padding is right, else 0; and how many bytes stand before it if it is.
    private static func judgePadding(_ bytes: RawSpan) -> (isRight: UInt32, count: Int) {
        let blockLength = AESCBC.blockLength
        guard bytes.byteCount >= blockLength else { return (0, 0) }
        let last = UInt32(byte(bytes, bytes.byteCount - 1))
        // 0 unless 1 <= last <= 16.
        var wrong = isLess(last, 1) | isLess(UInt32(blockLength), last)
        for distance in 0..<blockLength {
            let isPadding = isLess(UInt32(distance), last)
            let differs = UInt32(byte(bytes, bytes.byteCount - 1 - distance)) ^ last
            wrong |= (0 &- isPadding) & differs
        }
        let isRight = isLess(wrong, 1)
        return (isRight, bytes.byteCount - Int(last & 0x1f & (0 &- isRight)))
    }

    private static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// 1 if `a` is less than `b`, else 0; both below 2^31.
    private static func isLess(_ a: UInt32, _ b: UInt32) -> UInt32 { (a &- b) >> 31 }
}

/// The key of the content, or a random one in its place: as in RFC 3218 section 2.3.2, both go the same way.
private struct ContentKey: ~Copyable {
    let bytes: SecretBytes
    /// 1 if it stood in the envelope, else 0.
    let isGenuine: UInt32

    init(decrypting encryptedKey: [UInt8], with key: PrivateKey) throws(CryptographyError) {
        let substitute = try SecretBytes.random(count: AESCBC.keyLength)
        do {
            let opened = try key.decryptOAEP(encryptedKey)
            if opened.count == AESCBC.keyLength {
                bytes = opened
                isGenuine = 1
                return
            }
        } catch {
            // Not told: the substitute stands in.
        }
        bytes = substitute
        isGenuine = 0
    }
}

/// The envelope does not open. Deliberately without detail.
package struct CMSError: Error, Equatable, Sendable {
    package init() {}
}
