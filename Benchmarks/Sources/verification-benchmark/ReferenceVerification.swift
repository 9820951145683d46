// SPDX-License-Identifier: Apache-2.0

import CReferenceOpenSSL

/// One verification of ECDSA on P-384 over a digest, by OpenSSL alone: what everything else is a multiple of.
@safe
final class ReferenceVerification {
    struct Failure: Error {}

    private let key: OpaquePointer
    private let digest: [UInt8]
    private let signature: [UInt8]

    /// Makes a key and a signature of its own.
    init() throws {
        guard let key = unsafe reference_p384_key() else { throw Failure() }
        let digest = (0..<48).map { UInt8($0) }
        var signature = [UInt8](repeating: 0, count: 104)
        var length = signature.count
        guard let context = unsafe EVP_PKEY_CTX_new(key, nil) else { throw Failure() }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_sign_init(context) == 1,
            unsafe EVP_PKEY_sign(context, &signature, &length, digest, digest.count) == 1
        else { throw Failure() }
        unsafe self.key = key
        self.digest = digest
        self.signature = Array(signature.prefix(length))
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// What a program does that has the key in memory: context, verification, end.
    func callAsFunction() throws {
        guard let context = unsafe EVP_PKEY_CTX_new(key, nil) else { throw Failure() }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_verify_init(context) == 1,
            unsafe EVP_PKEY_verify(context, signature, signature.count, digest, digest.count) == 1
        else { throw Failure() }
    }
}
