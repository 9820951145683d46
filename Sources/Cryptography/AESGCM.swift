// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// AES-256-GCM with 96-bit nonces and 128-bit tags (NIST SP 800-38D).
package enum AESGCM: Sendable {
    package static let keyLength = 32
    package static let nonceLength = 12
    package static let tagLength = 16

    /// Ciphertext followed by the tag.
    ///
    /// - Throws: `invalidLength` for a key that is not 32 bytes or a nonce that is not 12.
    package static func seal(
        _ plaintext: RawSpan,
        key: borrowing SecretBytes,
        nonce: [UInt8],
        additionalData: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        let context = unsafe try start(key: key, nonce: nonce, additionalData: additionalData, isSealing: true)
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let count = plaintext.byteCount
        guard let size = Int32(exactly: count), count <= Int(Int32.max) - tagLength else {
            throw CryptographyError(.invalidLength)
        }
        var isSealed = false
        let sealed = unsafe [UInt8](unsafeUninitializedCapacity: count + tagLength) { output, written in
            guard let start = output.baseAddress else { return }
            unsafe plaintext.withUnsafeBytes { input in
                var done: Int32 = 0
                guard
                    unsafe size == 0
                        || EVP_EncryptUpdate(
                            context,
                            start,
                            &done,
                            input.baseAddress?.assumingMemoryBound(to: UInt8.self),
                            size
                        ) == 1,
                    done == size,
                    unsafe EVP_EncryptFinal_ex(context, start + count, &done) == 1,
                    unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tagLength), start + count) == 1
                else { return }
                isSealed = true
            }
            written = isSealed ? count + tagLength : 0
        }
        guard isSealed else { throw .library() }
        return sealed
    }

    /// Ciphertext followed by the tag, of bytes that are no secret or that the caller wipes.
    ///
    /// - Throws: as the other.
    package static func seal(
        _ plaintext: [UInt8],
        key: borrowing SecretBytes,
        nonce: [UInt8],
        additionalData: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        unsafe try seal(plaintext.span.bytes, key: key, nonce: nonce, additionalData: additionalData)
    }

    /// Opens ciphertext followed by the tag; `authenticationFailed` for anything wrong with it.
    ///
    /// - Throws: also `invalidLength` for a key that is not 32 bytes or a nonce that is not 12.
    package static func open(
        _ ciphertext: [UInt8],
        key: borrowing SecretBytes,
        nonce: [UInt8],
        additionalData: [UInt8]
    ) throws(CryptographyError) -> SecretBytes {
        let context = unsafe try start(key: key, nonce: nonce, additionalData: additionalData, isSealing: false)
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let count = ciphertext.count - tagLength
        guard count >= 0, let size = Int32(exactly: count) else { throw CryptographyError(.authenticationFailed) }
        var tag = Array(ciphertext[count...])
        // What was decrypted before the tag turned out wrong goes with the failed initialiser, wiped.
        return unsafe try SecretBytes(count: count) {
            (target: UnsafeMutableRawBufferPointer) throws(CryptographyError) in
            var done: Int32 = 0
            let output = unsafe target.baseAddress?.assumingMemoryBound(to: UInt8.self)
            guard unsafe size == 0 || EVP_DecryptUpdate(context, output, &done, ciphertext, size) == 1, done == size,
                unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tagLength), &tag) == 1,
                unsafe EVP_DecryptFinal_ex(context, output, &done) == 1
            else { throw .library(.authenticationFailed) }
        }
    }

    /// A context that has taken key, nonce and additional data.
    private static func start(
        key: borrowing SecretBytes,
        nonce: [UInt8],
        additionalData: [UInt8],
        isSealing: Bool
    ) throws(CryptographyError) -> OpaquePointer {
        guard key.count == keyLength, nonce.count == nonceLength, let size = Int32(exactly: additionalData.count) else {
            throw CryptographyError(.invalidLength)
        }
        guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .library() }
        var done: Int32 = 0
        let isReady = unsafe key.withPointer { keyBytes in
            unsafe EVP_CipherInit_ex(
                context,
                FetchedCipher.aes256GCM.pointer,
                nil,
                keyBytes,
                nonce,
                isSealing ? 1 : 0
            ) == 1
        }
        guard isReady, unsafe size == 0 || EVP_CipherUpdate(context, nil, &done, additionalData, size) == 1 else {
            unsafe EVP_CIPHER_CTX_free(context)
            throw .library()
        }
        return unsafe context
    }
}

@safe
private struct FetchedCipher: @unchecked Sendable {  // An EVP_CIPHER does not change after it was made.
    let pointer: OpaquePointer

    static let aes256GCM = FetchedCipher("AES-256-GCM")

    private init(_ name: String) {
        guard let cipher = unsafe EVP_CIPHER_fetch(nil, name, nil) else { Library.isUnusable("encrypt") }
        unsafe pointer = cipher
    }
}
