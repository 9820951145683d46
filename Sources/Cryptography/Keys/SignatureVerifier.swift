// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Verifies many signatures of one key: contexts are made ready once and kept, which costs up to a tenth of a verification.
/// Safe to use from any thread.
package final class SignatureVerifier: Sendable {
    private let key: PublicKey
    private let scheme: SignatureScheme
    private let pool = ContextPool<VerificationContext>()

    package init(_ key: PublicKey, scheme: SignatureScheme) {
        self.key = key
        self.scheme = scheme
    }

    /// True if and only if the signature is valid, of a digest, or of a message for Ed25519, which has no digest form.
    package func verify(_ signature: [UInt8], signed: [UInt8]) -> Bool {
        guard key.accepts(signatureOf: signature.count) else { return false }
        if let context = pool.take() {
            let isValid = context.verify(signature, signed)
            if isValid {
                pool.keep(context)
                return true
            }
            // Releases of OpenSSL that want a context to be made ready for each message fail here: the one below decides.
            ERR_clear_error()
        }
        guard let context = VerificationContext(key, scheme, signedLength: signed.count) else { return false }
        guard context.verify(signature, signed) else {
            ERR_clear_error()
            return false
        }
        pool.keep(context)
        return true
    }
}

@safe
private final class VerificationContext: @unchecked Sendable {  // One owner at a time: out of the pool, or in it.
    @safe
    private enum Pointer {
        /// Ed25519, over messages.
        case message(OpaquePointer)
        /// Of a digest of that length.
        case digest(OpaquePointer, length: Int)
    }

    private let pointer: Pointer

    /// Nil for a scheme of another key type or with a weak hash, and for a digest of another length than its hash's.
    init?(_ key: PublicKey, _ scheme: SignatureScheme, signedLength: Int) {
        guard let hash = try? scheme.hash(for: key.algorithm) else {
            guard scheme == .ed25519, key.algorithm == .ed25519, let context = unsafe EVP_MD_CTX_new() else {
                return nil
            }
            guard unsafe EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, key.handle.pointer, nil) == 1 else {
                unsafe EVP_MD_CTX_free(context)
                return nil
            }
            pointer = unsafe .message(context)
            return
        }
        guard signedLength == hash.digestLength,
            let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key.handle.pointer, nil)
        else { return nil }
        guard unsafe EVP_PKEY_verify_init(context) == 1, unsafe configure(context, scheme, hash) else {
            unsafe EVP_PKEY_CTX_free(context)
            return nil
        }
        pointer = unsafe .digest(context, length: hash.digestLength)
    }

    deinit {
        switch pointer {
        case .message(let context): unsafe EVP_MD_CTX_free(context)
        case .digest(let context, _): unsafe EVP_PKEY_CTX_free(context)
        }
    }

    func verify(_ signature: [UInt8], _ signed: [UInt8]) -> Bool {
        switch pointer {
        case .message(let context):
            unsafe EVP_DigestVerify(context, signature, signature.count, signed, signed.count) == 1
        case .digest(let context, let length):
            unsafe signed.count == length
                && EVP_PKEY_verify(context, signature, signature.count, signed, signed.count) == 1
        }
    }
}
