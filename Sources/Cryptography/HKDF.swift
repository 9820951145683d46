// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// HKDF (RFC 5869).
package enum HKDF: Sendable {
    /// OpenSSL 3.0 refuses longer ones (HKDF_MAXBUF of providers/implementations/kdfs/hkdf.c).
    package static let maximumInfoLength = 1024

    /// HKDF-Extract: a pseudorandom key as long as the hash.
    ///
    /// - Throws: `libraryFailure` when no more memory may be locked.
    package static func extract(
        _ algorithm: HashAlgorithm,
        salt: [UInt8],
        input: borrowing SecretBytes
    ) throws(CryptographyError) -> SecretBytes {
        try derive(
            algorithm,
            mode: EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
            key: input,
            extra: salt,
            extraName: OSSL_KDF_PARAM_SALT,
            count: algorithm.digestLength
        )
    }

    /// HKDF-Expand: `count` bytes, 1 to 255 times the hash's length (RFC 5869 section 2.3).
    ///
    /// - Throws: `invalidLength`; `libraryFailure` when no more memory may be locked.
    package static func expand(
        _ algorithm: HashAlgorithm,
        key: borrowing SecretBytes,
        info: [UInt8],
        count: Int
    ) throws(CryptographyError) -> SecretBytes {
        guard count >= 1, count <= 255 * algorithm.digestLength, info.count <= maximumInfoLength else {
            throw CryptographyError(.invalidLength)
        }
        return try derive(
            algorithm,
            mode: EVP_KDF_HKDF_MODE_EXPAND_ONLY,
            key: key,
            extra: info,
            extraName: OSSL_KDF_PARAM_INFO,
            count: count
        )
    }

    private static func derive(
        _ algorithm: HashAlgorithm,
        mode: Int32,
        key: borrowing SecretBytes,
        extra: [UInt8],
        extraName: String,
        count: Int
    ) throws(CryptographyError) -> SecretBytes {
        guard let kdf = unsafe EVP_KDF_fetch(nil, "HKDF", nil) else { throw .library() }
        defer { unsafe EVP_KDF_free(kdf) }
        guard let context = unsafe EVP_KDF_CTX_new(kdf) else { throw .library() }
        defer { unsafe EVP_KDF_CTX_free(context) }
        let keyCount = key.count
        return unsafe try key.withPointer { (keyBytes) throws(CryptographyError) in
            unsafe try SecretBytes(count: count) { (target: UnsafeMutableRawBufferPointer) throws(CryptographyError) in
                let result = unsafe kb_hkdf(
                    context,
                    mode,
                    algorithm.opensslName,
                    keyBytes,
                    keyCount,
                    extraName,
                    extra,
                    extra.count,
                    target.baseAddress,
                    target.count
                )
                guard result == 1 else { throw .library() }
            }
        }
    }
}
