// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Contexts of one Ed25519 key that are ready to sign: making one ready costs a tenth of a signature.
///
/// A context is used by one thread at a time, and EdDSA keeps nothing of a message in it (EVP_SIGNATURE-ED25519(7)).
final class SigningContexts: Sendable {
    private let pool = ContextPool<SigningContext>()

    /// Signs with a kept context, or a new one.
    func sign(_ message: [UInt8], with key: KeyHandle, maximumLength: Int) throws(CryptographyError) -> [UInt8] {
        if let context = pool.take() {
            if let signature = context.sign(message, maximumLength) {
                pool.keep(context)
                return signature
            }
            // Releases of OpenSSL that want a context to be made ready for each message say so here.
            ERR_clear_error()
        }
        let context = try SigningContext(key)
        guard let signature = context.sign(message, maximumLength) else { throw .library() }
        pool.keep(context)
        return signature
    }
}

@safe
private final class SigningContext: @unchecked Sendable {  // One owner at a time: out of the list, or in it.
    private let pointer: OpaquePointer

    init(_ key: KeyHandle) throws(CryptographyError) {
        guard let pointer = unsafe EVP_MD_CTX_new() else { throw .library() }
        guard unsafe EVP_DigestSignInit_ex(pointer, nil, nil, nil, nil, key.pointer, nil) == 1 else {
            unsafe EVP_MD_CTX_free(pointer)
            throw .library()
        }
        unsafe self.pointer = pointer
    }

    func sign(_ message: [UInt8], _ maximumLength: Int) -> [UInt8]? {
        unsafe try? output(maximumLength) { buffer, length in
            unsafe EVP_DigestSign(pointer, buffer, &length, message, message.count) == 1
        }
    }

    deinit {
        unsafe EVP_MD_CTX_free(pointer)
    }
}
