// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Cryptography

/// The signatures of a chain, verified by OpenSSL with nothing around it: one context for all, as `openssl speed` does it.
@safe
final class SignatureChecks {
    private let key: OpaquePointer
    private let isEd25519: Bool
    private let isRSA: Bool
    private let signatures: [(digest: [UInt8], signature: [UInt8])]

    init(_ chain: SignedChain) throws {
        let spki = chain.key.spki
        let key: OpaquePointer? = unsafe spki.withUnsafeBufferPointer { buffer in
            var start = buffer.baseAddress
            return unsafe d2i_PUBKEY(nil, &start, buffer.count)
        }
        guard let key = unsafe key else { throw Failure(message: "d2i_PUBKEY") }
        unsafe self.key = key
        isEd25519 = chain.key.algorithm == .ed25519
        if case .rsa = chain.key.algorithm { isRSA = true } else { isRSA = false }
        signatures = chain.signatures
    }

    deinit { unsafe EVP_PKEY_free(key) }

    func run() throws {
        if isEd25519 { try verifyMessages() } else { try verifyDigests() }
    }

    private func verifyMessages() throws {
        guard let context = unsafe EVP_MD_CTX_new() else { throw Failure(message: "context") }
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, key, nil) == 1 else {
            throw Failure(message: "context")
        }
        for (message, signature) in signatures {
            guard unsafe EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1 else {
                throw Failure(message: "signature")
            }
        }
    }

    private func verifyDigests() throws {
        guard let context = unsafe EVP_PKEY_CTX_new(key, nil) else { throw Failure(message: "context") }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_verify_init(context) == 1 else { throw Failure(message: "context") }
        if isRSA {
            guard unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1,
                unsafe EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1
            else { throw Failure(message: "context") }
        }
        for (digest, signature) in signatures {
            guard unsafe EVP_PKEY_verify(context, signature, signature.count, digest, digest.count) == 1 else {
                throw Failure(message: "signature")
            }
        }
    }
}
