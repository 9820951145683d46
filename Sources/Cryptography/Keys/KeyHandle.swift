// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Owns an `EVP_PKEY`.
@safe
final class KeyHandle: @unchecked Sendable {  // OpenSSL counts references atomically; nothing sets a key's parameters.
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe EVP_PKEY_free(pointer)
    }

    /// Runs `body` with a fresh context on the key.
    func withContext<R: ~Copyable>(_ body: (OpaquePointer) throws(CryptographyError) -> R)
        throws(CryptographyError) -> R
    {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, pointer, nil) else { throw .library() }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        return unsafe try body(context)
    }

    /// DER SubjectPublicKeyInfo.
    func subjectPublicKeyInfo() throws(CryptographyError) -> [UInt8] {
        let length = unsafe Int(i2d_PUBKEY(pointer, nil))
        guard length > 0 else { throw .library() }
        var isWritten = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            var end = output.baseAddress
            isWritten = unsafe Int(i2d_PUBKEY(pointer, &end)) == length
            count = isWritten ? length : 0
        }
        guard isWritten else { throw .library() }
        return bytes
    }
}
