// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A private key: immutable, safe to use from any thread. Its memory is OpenSSL's.
@safe
package final class PrivateKey: Sendable {
    package let algorithm: KeyAlgorithm
    package let publicKey: PublicKey
    let handle: KeyHandle
    let signingContexts = SigningContexts()

    private init(handle: KeyHandle, algorithm: KeyAlgorithm) throws(CryptographyError) {
        self.handle = handle
        self.algorithm = algorithm
        publicKey = PublicKey(handle: handle, algorithm: algorithm, spki: try handle.subjectPublicKeyInfo())
    }

    /// Makes a key. RSA: 2048 to 4096 bits in steps of 8, exponent 65537.
    ///
    /// - Throws: `unsupportedKey` for another RSA size.
    package static func generate(_ algorithm: KeyAlgorithm) throws(CryptographyError) -> PrivateKey {
        _ = LockedMemory.isArenaLocked  // OpenSSL puts private numbers there once it exists.
        let name =
            switch algorithm {
            case .rsa: "RSA"
            case .ec: "EC"
            case .ed25519: "ED25519"
            }
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, name, nil) else { throw .library() }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_keygen_init(context) == 1 else { throw .library() }
        switch algorithm {
        case .rsa(let bits):
            guard bits >= KeyStructure.minimumRSABits, bits <= KeyStructure.maximumRSABits, bits % 8 == 0 else {
                throw CryptographyError(.unsupportedKey)
            }
            guard unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1 else { throw .library() }
        case .ec(let curve):
            guard unsafe EVP_PKEY_CTX_set_group_name(context, curve.opensslName) == 1 else { throw .library() }
        case .ed25519: break
        }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_generate(context, &key) == 1, let key = unsafe key else { throw .library() }
        return try PrivateKey(handle: unsafe KeyHandle(owning: key), algorithm: algorithm)
    }

    /// Parses DER PKCS#8 PrivateKeyInfo, not encrypted, whole input; checks that the key is consistent.
    ///
    /// The check of an RSA key takes long (its primes are tested): 40 ms for 2048 bits, 250 ms for 4096.
    ///
    /// - Throws: `unsupportedKey` for a key of another kind, curve or size; `malformedKey` for anything else.
    package convenience init(pkcs8: borrowing SecretBytes) throws(CryptographyError) {
        try self.init(pkcs8, isChecked: false)
    }

    /// Parses what `pkcs8()` returned for a key that was made or checked here, and that was stored so that nobody could
    /// change it: parses as strictly, but does not check again that the parts of the key belong together.
    ///
    /// - Throws: as `init(pkcs8:)`.
    package convenience init(uncheckedPKCS8 pkcs8: borrowing SecretBytes) throws(CryptographyError) {
        try self.init(pkcs8, isChecked: true)
    }

    private convenience init(_ pkcs8: borrowing SecretBytes, isChecked: Bool) throws(CryptographyError) {
        let structure = try pkcs8.withSpan { (input) throws(CryptographyError) in
            try KeyStructure.privateKey(input, minimumRSABits: KeyStructure.minimumRSABits)
        }
        if structure.algorithm == .ed25519 {
            // The seed is the whole key: there are no parts that could disagree.
            let seed = unsafe pkcs8.withPointer { start in
                unsafe EVP_PKEY_new_raw_private_key(
                    EVP_PKEY_ED25519,
                    nil,
                    start + structure.key.lowerBound,
                    structure.key.count
                )
            }
            guard let seed = unsafe seed else { throw .library(.malformedKey) }
            try self.init(handle: unsafe KeyHandle(owning: seed), algorithm: .ed25519)
            return
        }
        guard let handle = try PrivateKeyDecoder.decode(pkcs8, structure.algorithm) else {
            throw .library(.malformedKey)
        }
        if !isChecked {
            unsafe try handle.withContext { (context) throws(CryptographyError) in
                guard unsafe EVP_PKEY_check(context) == 1 else { throw .library(.malformedKey) }
            }
        }
        try self.init(handle: handle, algorithm: structure.algorithm)
    }

    /// Parses PEM (`PRIVATE KEY`, and the older `EC PRIVATE KEY` and `RSA PRIVATE KEY`), not encrypted.
    ///
    /// - Throws: as `init(pkcs8:)`.
    package convenience init(pem: borrowing SecretBytes) throws(CryptographyError) {
        let pkcs8 = try PrivateKeyPEM.pkcs8(pem)
        try self.init(pkcs8: pkcs8)
    }

    /// Parses DER, whole input, not encrypted: PKCS#8 (RFC 5958), or the older PKCS#1 (RFC 8017) and SEC1 (RFC 5915).
    ///
    /// - Throws: as `init(pkcs8:)`.
    package convenience init(der: borrowing SecretBytes) throws(CryptographyError) {
        switch PrivateKeyForm(of: der) {
        case .pkcs1: try self.init(pkcs8: try PrivateKeyPEM.wrap(der, kind: .rsa))
        case .sec1:
            let curve = try PrivateKeyPEM.curve(ofECPrivateKey: der)
            try self.init(pkcs8: try PrivateKeyPEM.wrap(der, kind: .ec(curve)))
        case .pkcs8, .encrypted, nil: try self.init(pkcs8: der)
        }
    }

    /// A private scalar of a curve, big-endian, for COSE vectors.
    ///
    /// - Throws: `invalidLength` for more or fewer bytes than a coordinate has; `malformedKey` for zero, or the curve's
    ///   order or more.
    package convenience init(curve: EllipticCurve, scalar: borrowing SecretBytes) throws(CryptographyError) {
        guard scalar.count == curve.coordinateLength else { throw CryptographyError(.invalidLength) }
        // ECPrivateKey (RFC 5915) without the public point, which OpenSSL computes.
        let start = [DER.integer, 1, 1] + DERWriter.header(DER.octetString, count: scalar.count)
        let wrapped = try PrivateKeyPEM.concatenate(
            DERWriter.header(DER.sequence, count: start.count + scalar.count) + start,
            scalar
        )
        try self.init(pkcs8: try PrivateKeyPEM.wrap(wrapped, kind: .ec(curve)))
    }

    /// DER PKCS#8 PrivateKeyInfo.
    package func pkcs8() throws(CryptographyError) -> SecretBytes {
        unsafe try SecretBytes(capacity: Self.maximumPKCS8Length) { (target) throws(CryptographyError) in
            var length = target.count
            guard unsafe kb_private_key_info(handle.pointer, target.baseAddress, &length) == 1 else {
                throw .library()
            }
            return length
        }
    }

    /// RSA-4096 takes 2376 bytes.
    private static let maximumPKCS8Length = 4096
}
