// SPDX-License-Identifier: Apache-2.0

import COpenSSL

extension PrivateKey {
    /// Signs each message, with one context for all of them.
    ///
    /// - Throws: As `sign(message:scheme:)`; then there is no signature at all.
    package func sign(messages: [[UInt8]], scheme: SignatureScheme) throws(CryptographyError) -> [[UInt8]] {
        guard let hash = try scheme.hash(for: algorithm) else {
            var signatures: [[UInt8]] = []
            signatures.reserveCapacity(messages.count)
            for message in messages { signatures.append(try sign(message: message, scheme: scheme)) }
            return signatures
        }
        return try sign(digests: messages.map { Hash.digest(hash, $0) }, hash: hash, scheme: scheme)
    }

    /// Signs each digest, with one context for all of them.
    ///
    /// - Throws: As `sign(digest:scheme:)`; then there is no signature at all.
    package func sign(digests: [[UInt8]], scheme: SignatureScheme) throws(CryptographyError) -> [[UInt8]] {
        guard let hash = try scheme.hash(for: algorithm) else { throw CryptographyError(.schemeMismatch) }
        guard digests.allSatisfy({ $0.count == hash.digestLength }) else { throw CryptographyError(.invalidLength) }
        return try sign(digests: digests, hash: hash, scheme: scheme)
    }

    private func sign(digests: [[UInt8]], hash: HashAlgorithm, scheme: SignatureScheme)
        throws(CryptographyError) -> [[UInt8]]
    {
        unsafe try handle.withContext { (context) throws(CryptographyError) in
            guard unsafe EVP_PKEY_sign_init(context) == 1, unsafe configure(context, scheme, hash) else {
                throw .library()
            }
            var signatures: [[UInt8]] = []
            signatures.reserveCapacity(digests.count)
            for digest in digests {
                signatures.append(
                    unsafe try output(algorithm.maximumSignatureLength) { buffer, length in
                        unsafe EVP_PKEY_sign(context, buffer, &length, digest, digest.count) == 1
                    }
                )
            }
            return signatures
        }
    }
}
