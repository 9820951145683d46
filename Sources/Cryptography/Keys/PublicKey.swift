// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Encoding

/// A public key: immutable, safe to use from any thread.
@safe
package final class PublicKey: Sendable {
    package let algorithm: KeyAlgorithm
    /// DER SubjectPublicKeyInfo, as OpenSSL writes it.
    package let spki: [UInt8]
    let handle: KeyHandle

    init(handle: KeyHandle, algorithm: KeyAlgorithm, spki: [UInt8]) {
        self.handle = handle
        self.algorithm = algorithm
        self.spki = spki
    }

    /// Parses DER SubjectPublicKeyInfo: whole input, supported algorithm, named curve, point on it, sane RSA exponent
    /// (odd, at least 3, at most 33 bits) and modulus (2048 to 4096 bits, or as `minimumRSABits` says).
    ///
    /// - Throws: `unsupportedKey` for a key of another kind, curve or size; `malformedKey` for anything else.
    package convenience init(spki: [UInt8], minimumRSABits: Int = KeyStructure.minimumRSABits)
        throws(CryptographyError)
    {
        let algorithm = try KeyStructure.publicKey(spki.span, minimumRSABits: minimumRSABits)
        Library.setUp()
        let pointer: OpaquePointer? = unsafe spki.withUnsafeBufferPointer { buffer in
            var start = buffer.baseAddress
            return unsafe d2i_PUBKEY(nil, &start, buffer.count)
        }
        guard let pointer = unsafe pointer else { throw .library(.malformedKey) }
        try self.init(checking: unsafe KeyHandle(owning: pointer), algorithm: algorithm, spki: spki)
    }

    /// A key whose structure was read and that OpenSSL made of the same bytes.
    init(checking handle: KeyHandle, algorithm: KeyAlgorithm, spki: [UInt8]) throws(CryptographyError) {
        if case .ec = algorithm {
            unsafe try handle.withContext { (context) throws(CryptographyError) in
                // The quick form leaves out only the order of the point, which is the curve's: all have cofactor 1.
                guard unsafe EVP_PKEY_public_check_quick(context) == 1 else { throw .library(.malformedKey) }
            }
        }
        // OpenSSL's check of an RSA key would add a search for small factors of the modulus: 3 ms against keys that only
        // their owner can have made weak.
        self.handle = handle
        self.algorithm = algorithm
        self.spki = spki
    }

    /// One PEM public key (`PUBLIC KEY`), white space around it allowed.
    ///
    /// - Throws: as `init(spki:)`.
    package convenience init(pem: String) throws(CryptographyError) {
        guard let spki = PEM.decode(label: "PUBLIC KEY", pem) else { throw CryptographyError(.malformedKey) }
        try self.init(spki: spki)
    }

    /// A public point in uncompressed form coordinates, for COSE and JWK vectors.
    ///
    /// - Throws: `invalidLength` for a coordinate of another length; `malformedKey` for a point not on the curve.
    package convenience init(curve: EllipticCurve, x: [UInt8], y: [UInt8]) throws(CryptographyError) {
        guard x.count == curve.coordinateLength, y.count == curve.coordinateLength else {
            throw CryptographyError(.invalidLength)
        }
        try self.init(
            spki: DERWriter.sequence(
                DERWriter.sequence(
                    DERWriter.objectIdentifier(ObjectIdentifier.ecPublicKey),
                    DERWriter.objectIdentifier(curve.objectIdentifier)
                ),
                DERWriter.bitString([4] + x + y)
            )
        )
    }

    /// PEM, `-----BEGIN PUBLIC KEY-----`, 64 columns.
    package var pem: String { PEM.encode(label: "PUBLIC KEY", spki) }
}

extension PublicKey: Hashable {
    package static func == (a: PublicKey, b: PublicKey) -> Bool { a.spki == b.spki }
    package func hash(into hasher: inout Hasher) { hasher.combine(spki) }
}
