// SPDX-License-Identifier: Apache-2.0

import COpenSSL

extension PublicKey {
    /// RSAES-OAEP with SHA-256 for hash and MGF1, empty label.
    ///
    /// - Throws: `schemeMismatch` for a key that is not RSA; `invalidLength` for a plaintext longer than the modulus
    ///   less 66 bytes (RFC 8017 section 7.1.1).
    package func encryptOAEP(_ plaintext: borrowing SecretBytes) throws(CryptographyError) -> [UInt8] {
        guard case .rsa(let bits) = algorithm else { throw CryptographyError(.schemeMismatch) }
        let modulusLength = (bits + 7) / 8
        let count = plaintext.count
        guard count <= modulusLength - 2 * HashAlgorithm.sha256.digestLength - 2 else {
            throw CryptographyError(.invalidLength)
        }
        return unsafe try plaintext.withPointer { (input) throws(CryptographyError) in
            unsafe try handle.withContext { (context) throws(CryptographyError) in
                guard unsafe EVP_PKEY_encrypt_init(context) == 1, unsafe configureOAEP(context) else {
                    throw .library()
                }
                return unsafe try output(modulusLength) { buffer, length in
                    unsafe EVP_PKEY_encrypt(context, buffer, &length, input, count) == 1
                }
            }
        }
    }
}

extension PrivateKey {
    /// RSAES-OAEP with SHA-256 for hash and MGF1, empty label.
    ///
    /// - Throws: `schemeMismatch` for a key that is not RSA; `authenticationFailed` for whatever is wrong with the
    ///   ciphertext.
    package func decryptOAEP(_ ciphertext: [UInt8]) throws(CryptographyError) -> SecretBytes {
        guard case .rsa(let bits) = algorithm else { throw CryptographyError(.schemeMismatch) }
        let modulusLength = (bits + 7) / 8
        guard ciphertext.count == modulusLength else { throw CryptographyError(.authenticationFailed) }
        return unsafe try SecretBytes(capacity: modulusLength) { (target) throws(CryptographyError) in
            unsafe try handle.withContext { (context) throws(CryptographyError) in
                guard unsafe EVP_PKEY_decrypt_init(context) == 1, unsafe configureOAEP(context) else {
                    throw .library()
                }
                var length = target.count
                guard
                    unsafe EVP_PKEY_decrypt(
                        context,
                        target.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        &length,
                        ciphertext,
                        ciphertext.count
                    ) == 1
                else { throw .library(.authenticationFailed) }
                return length
            }
        }
    }
}

private func configureOAEP(_ context: OpaquePointer) -> Bool {
    unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1
        && EVP_PKEY_CTX_set_rsa_oaep_md(context, HashAlgorithm.sha256.implementation) == 1
        && EVP_PKEY_CTX_set_rsa_mgf1_md(context, HashAlgorithm.sha256.implementation) == 1
}
