// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// AES-256-CBC (NIST SP 800-38A). It authenticates nothing: here only because CMS from AWS KMS uses it.
package enum AESCBC: Sendable {
    package static let keyLength = 32
    package static let blockLength = 16

    /// Encrypts under PKCS #7 padding (RFC 5652 section 6.3).
    ///
    /// - Throws: `invalidLength` for a wrong key or IV length.
    package static func encrypt(
        _ plaintext: borrowing SecretBytes,
        key: borrowing SecretBytes,
        initializationVector: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        let padding = blockLength - plaintext.count % blockLength
        let (count, overflow) = plaintext.count.addingReportingOverflow(padding)
        guard !overflow else { throw CryptographyError(.invalidLength) }
        let text = plaintext.count
        var padded = [UInt8](repeating: UInt8(truncatingIfNeeded: padding), count: count)
        defer { wipe(&padded) }
        plaintext.withBytes { bytes in
            for index in 0..<text { padded[index] = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) }
        }
        var ciphertext = [UInt8](repeating: 0, count: count)
        let done = unsafe padded.withUnsafeBytes { input in
            unsafe ciphertext.withUnsafeMutableBytes { output in
                unsafe transform(.encrypt, input, into: output, key: key, initializationVector)
            }
        }
        try check(done)
        return ciphertext
    }

    /// Decrypts whole blocks and leaves the padding where it is: whoever calls judges it, in constant time.
    ///
    /// - Throws: `invalidLength` for a wrong key or IV length, or anything but one or more whole blocks.
    package static func decryptLeavingPadding(
        _ ciphertext: [UInt8],
        key: borrowing SecretBytes,
        initializationVector: [UInt8]
    ) throws(CryptographyError) -> SecretBytes {
        guard !ciphertext.isEmpty, ciphertext.count.isMultiple(of: blockLength) else {
            throw CryptographyError(.invalidLength)
        }
        return try SecretBytes(count: ciphertext.count) { (span: inout MutableRawSpan) throws(CryptographyError) in
            let done = unsafe span.withUnsafeMutableBytes { output in
                unsafe ciphertext.withUnsafeBytes { input in
                    unsafe transform(.decrypt, input, into: output, key: key, initializationVector)
                }
            }
            try check(done)
        }
    }

    private enum Direction: Int32 {
        case decrypt = 0
        case encrypt = 1
    }

    private static func check(_ outcome: CryptographyError.Code?) throws(CryptographyError) {
        if let outcome { throw CryptographyError(outcome) }
    }

    /// Whole blocks in, as many out. Nil when it went well.
    private static func transform(
        _ direction: Direction,
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer,
        key: borrowing SecretBytes,
        _ initializationVector: [UInt8]
    ) -> CryptographyError.Code? {
        guard key.count == keyLength, initializationVector.count == blockLength,
            input.count == output.count, let length = Int32(exactly: input.count)
        else { return .invalidLength }
        guard let context = unsafe EVP_CIPHER_CTX_new() else { return .libraryFailure }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let ready = key.withBytes { key in
            unsafe key.withUnsafeBytes { key in
                unsafe EVP_CipherInit_ex(
                    context,
                    EVP_aes_256_cbc(),
                    nil,
                    key.bindMemory(to: UInt8.self).baseAddress,
                    initializationVector,
                    direction.rawValue
                )
            }
        }
        var written: Int32 = 0
        guard ready == 1, unsafe EVP_CIPHER_CTX_set_padding(context, 0) == 1,
            unsafe EVP_CipherUpdate(
                context,
                output.bindMemory(to: UInt8.self).baseAddress,
                &written,
                input.bindMemory(to: UInt8.self).baseAddress,
                length
            ) == 1,
            written == length
        else { return .libraryFailure }
        return nil
    }
}
