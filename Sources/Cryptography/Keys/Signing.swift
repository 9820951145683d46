// SPDX-License-Identifier: Apache-2.0

import COpenSSL

extension PublicKey {
    /// True if and only if the signature is valid. Never throws for a bad signature of any form.
    package func verify(_ signature: [UInt8], message: [UInt8], scheme: SignatureScheme) -> Bool {
        guard let hash = try? scheme.hash(for: algorithm) else {
            return scheme == .ed25519 && algorithm == .ed25519 && verifyEd25519(signature, message: message)
        }
        return verify(signature, digest: Hash.digest(hash, message), hash: hash, scheme: scheme)
    }

    /// True if and only if the signature is valid. False for Ed25519, which has no digest form.
    package func verify(_ signature: [UInt8], digest: [UInt8], scheme: SignatureScheme) -> Bool {
        guard let hash = try? scheme.hash(for: algorithm), digest.count == hash.digestLength else { return false }
        return verify(signature, digest: digest, hash: hash, scheme: scheme)
    }

    private func verify(_ signature: [UInt8], digest: [UInt8], hash: HashAlgorithm, scheme: SignatureScheme) -> Bool {
        guard accepts(signatureOf: signature.count) else { return false }
        let isValid = unsafe try? handle.withContext { (context) throws(CryptographyError) in
            unsafe EVP_PKEY_verify_init(context) == 1
                && configure(context, scheme, hash)
                && EVP_PKEY_verify(context, signature, signature.count, digest, digest.count) == 1
        }
        if isValid != true { ERR_clear_error() }
        return isValid == true
    }

    /// Whether this key makes signatures of so many bytes.
    package func accepts(signatureOf length: Int) -> Bool {
        switch algorithm {
        case .rsa, .ed25519: length == algorithm.maximumSignatureLength
        case .ec: (1...algorithm.maximumSignatureLength).contains(length)
        }
    }

    private func verifyEd25519(_ signature: [UInt8], message: [UInt8]) -> Bool {
        guard accepts(signatureOf: signature.count), let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        let isValid =
            unsafe EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, handle.pointer, nil) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        if !isValid { ERR_clear_error() }
        return isValid
    }
}

extension PrivateKey {
    /// Signs a message.
    ///
    /// - Throws: `schemeMismatch` for a scheme of another key type or with a weak hash.
    package func sign(message: [UInt8], scheme: SignatureScheme) throws(CryptographyError) -> [UInt8] {
        guard let hash = try scheme.hash(for: algorithm) else {
            return try signingContexts.sign(message, with: handle, maximumLength: algorithm.maximumSignatureLength)
        }
        return try sign(digest: Hash.digest(hash, message), hash: hash, scheme: scheme)
    }

    /// Signs a digest that somebody else computed.
    ///
    /// - Throws: `schemeMismatch` for Ed25519, for a scheme of another key type and with a weak hash; `invalidLength`
    ///   for a digest that does not have the scheme's digest length.
    package func sign(digest: [UInt8], scheme: SignatureScheme) throws(CryptographyError) -> [UInt8] {
        guard let hash = try scheme.hash(for: algorithm) else { throw CryptographyError(.schemeMismatch) }
        guard digest.count == hash.digestLength else { throw CryptographyError(.invalidLength) }
        return try sign(digest: digest, hash: hash, scheme: scheme)
    }

    private func sign(digest: [UInt8], hash: HashAlgorithm, scheme: SignatureScheme)
        throws(CryptographyError) -> [UInt8]
    {
        unsafe try handle.withContext { (context) throws(CryptographyError) in
            guard unsafe EVP_PKEY_sign_init(context) == 1, unsafe configure(context, scheme, hash) else {
                throw .library()
            }
            return unsafe try output(algorithm.maximumSignatureLength) { buffer, length in
                unsafe EVP_PKEY_sign(context, buffer, &length, digest, digest.count) == 1
            }
        }
    }
}

/// An array of at most `capacity` bytes that OpenSSL fills.
func output(_ capacity: Int, _ body: (_ buffer: UnsafeMutablePointer<UInt8>?, _ length: inout Int) -> Bool)
    throws(CryptographyError) -> [UInt8]
{
    var isDone = false
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        var length = capacity
        isDone = unsafe body(buffer.baseAddress, &length) && length <= capacity
        count = isDone ? length : 0
    }
    guard isDone else { throw .library() }
    return bytes
}

/// Sets padding, hash and salt. ECDSA has none: it takes the digest as it is.
func configure(_ context: OpaquePointer, _ scheme: SignatureScheme, _ hash: HashAlgorithm) -> Bool {
    switch scheme {
    case .ecdsa, .ed25519:
        true
    case .rsaPKCS1:
        unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
            && EVP_PKEY_CTX_set_signature_md(context, hash.implementation) == 1
    case .rsaPSS:
        // The salt's length is exact when verifying too: not recovered from the signature.
        unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_signature_md(context, hash.implementation) == 1
            && EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash.implementation) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, Int32(hash.digestLength)) == 1
    }
}
