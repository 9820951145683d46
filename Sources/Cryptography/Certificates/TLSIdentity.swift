// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// What a TLS server presents: a P-256 key, and a certificate over it that the key itself signed.
package struct TLSIdentity: Sendable {
    package let key: PrivateKey
    package let certificate: Certificate

    /// Before its first second, so that clients whose clocks are late take it at once.
    private static let reserve: Int64 = 24 * 3600
    /// Ten years: trust in it comes from attestation, which is renewed at will, and it is stored with the key.
    private static let lifetime: Int64 = 3653 * 24 * 3600
    private static let serialNumberLength = 16

    /// Joins what was stored.
    ///
    /// - Throws: `malformedCertificate` unless it is a certificate of this very key.
    package init(key: PrivateKey, certificate der: [UInt8]) throws(CryptographyError) {
        let certificate = try Certificate(der: der)
        guard certificate.publicKey.spki == key.publicKey.spki else {
            throw CryptographyError(.malformedCertificate)
        }
        self.key = key
        self.certificate = certificate
    }

    /// What a certificate is to say.
    package struct Request: Sendable {
        /// For people: at most 64 bytes (RFC 5280 appendix A.1, ub-common-name).
        package var commonName: String
        /// DNS names and addresses, at least one.
        package var names: [GeneralName]
        /// Nil: a fresh one.
        package var key: PrivateKey?
        /// From when on, less a day.
        package var time: Timestamp

        package init(commonName: String, names: [GeneralName], key: PrivateKey? = nil, time: Timestamp) {
            self.commonName = commonName
            self.names = names
            self.key = key
            self.time = time
        }
    }

    /// Issues a certificate: for these names and for TLS servers only, by no authority and good for none.
    ///
    /// - Parameters:
    ///   - request: What it is to say.
    ///   - random: For the serial number.
    /// - Returns: The key with its certificate.
    /// - Throws: ``CryptographyError``.
    package static func issue(_ request: Request, random: RandomSource) throws(CryptographyError) -> TLSIdentity {
        let key = if let key = request.key { key } else { try PrivateKey.generate(.ec(.p256)) }
        let identifier = keyIdentifier(key.publicKey)
        var serialNumber = try random(serialNumberLength)
        // Positive, and never shorter (RFC 5280 section 4.1.2.2).
        if let first = serialNumber.first { serialNumber[0] = first & 0x3f | 0x40 }
        var template = CertificateTemplate(
            subject: [("CN", request.commonName)],
            issuer: [("CN", request.commonName)],
            serialNumber: serialNumber,
            notBefore: request.time.advanced(byMilliseconds: -1000 * reserve),
            notAfter: request.time.advanced(byMilliseconds: 1000 * lifetime),
            publicKey: key.publicKey,
            basicConstraints: Certificate.BasicConstraints(isCritical: true, isCA: false, pathLength: nil),
            // BoringSSL and its kin (Swift's NIOSSL, AWS-LC, gRPC) take a certificate that signed itself for an anchor only
            // if its keyUsage says keyCertSign, or if it has none; and keyCertSign would be wrong for what is no CA.
            keyUsage: nil,
            isKeyUsageCritical: false,
            subjectKeyIdentifier: identifier,
            authorityKeyIdentifier: identifier
        )
        template.otherExtensions = [
            (ObjectIdentifier.extendedKeyUsage, false, purposes),
            (ObjectIdentifier.subjectAlternativeName, false, GeneralName.encode(request.names)),
        ]
        return try TLSIdentity(key: key, certificate: template.signed(by: key, hash: .sha256))
    }

    private static let purposes = DERWriter.sequence(
        DERWriter.objectIdentifier(ObjectIdentifier.serverAuthentication)
    )

    /// RFC 7093 section 2, method 1: the first 160 bits of SHA-256 of the public key's bits, here an uncompressed
    /// P-256 point.
    private static func keyIdentifier(_ key: PublicKey) -> [UInt8] {
        Array(Hash.digest(.sha256, Array(key.spki.suffix(1 + 2 * 32))).prefix(20))
    }
}

extension Certificate {
    /// In its extended key usage: servers of TLS (RFC 5280 section 4.2.1.12).
    package static let serverAuthentication = ObjectIdentifier.serverAuthentication

    /// SHA-256 of the key's SubjectPublicKeyInfo: what attestations name.
    package var publicKeySHA256: [UInt8] { Hash.digest(.sha256, publicKey.spki) }

    package func isValid(at time: Timestamp) -> Bool { notBefore <= time && time <= notAfter }
}
