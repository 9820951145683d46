// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// What a certificate is to say. Times in whole seconds.
///
/// Written as told, also where no authority should: fixtures need certificates that are wrong.
package struct CertificateTemplate: Sendable {
    /// RDNs in order: `[("C", "US"), ("O", "Amazon"), ("CN", "…")]`. A type is a short name or a dotted OID.
    package var subject: [(type: String, value: String)]
    package var issuer: [(type: String, value: String)]
    /// Big-endian magnitude.
    package var serialNumber: [UInt8]
    package var notBefore: Timestamp
    package var notAfter: Timestamp
    package var publicKey: PublicKey
    /// Nil: no basicConstraints at all (for fixtures).
    package var basicConstraints: Certificate.BasicConstraints?
    /// Nil: no keyUsage at all.
    package var keyUsage: Certificate.KeyUsage?
    package var isKeyUsageCritical: Bool
    /// Adds subjectKeyIdentifier and authorityKeyIdentifier as AWS's CAs have them; leaves have none.
    package var subjectKeyIdentifier: [UInt8]?
    package var authorityKeyIdentifier: [UInt8]?
    /// Written after the others, `value` being the content of the extension's OCTET STRING (for fixtures).
    package var otherExtensions: [(oid: String, isCritical: Bool, value: [UInt8])] = []

    package init(
        subject: [(type: String, value: String)],
        issuer: [(type: String, value: String)],
        serialNumber: [UInt8],
        notBefore: Timestamp,
        notAfter: Timestamp,
        publicKey: PublicKey,
        basicConstraints: Certificate.BasicConstraints?,
        keyUsage: Certificate.KeyUsage?,
        isKeyUsageCritical: Bool,
        subjectKeyIdentifier: [UInt8]? = nil,
        authorityKeyIdentifier: [UInt8]? = nil
    ) {
        self.subject = subject
        self.issuer = issuer
        self.serialNumber = serialNumber
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.publicKey = publicKey
        self.basicConstraints = basicConstraints
        self.keyUsage = keyUsage
        self.isKeyUsageCritical = isKeyUsageCritical
        self.subjectKeyIdentifier = subjectKeyIdentifier
        self.authorityKeyIdentifier = authorityKeyIdentifier
    }

    /// Signs with the issuer's key (ECDSA: `hash` SHA-384 for AWS's shape) and returns DER.
    ///
    /// - Throws: `malformedCertificate` for a name or time that cannot be written; `schemeMismatch` for SHA-1 and
    ///   SHA-224.
    package func signed(by key: PrivateKey, hash: HashAlgorithm = .sha384) throws(CryptographyError) -> [UInt8] {
        let (algorithm, scheme) = try SignatureAlgorithm.signing(key.algorithm, hash)
        guard let subject = DistinguishedName.encode(subject), let issuer = DistinguishedName.encode(issuer),
            let notBefore = CertificateTime.write(notBefore), let notAfter = CertificateTime.write(notAfter)
        else { throw CryptographyError(.malformedCertificate) }
        let extensions = extensions
        let body = DERWriter.sequence(
            DERWriter.element(DER.contextConstructed(0), [DER.integer, 1, 2]),  // v3
            DERWriter.integer(magnitude: serialNumber),
            algorithm,
            issuer,
            DERWriter.sequence(notBefore, notAfter),
            subject,
            publicKey.spki,
            extensions.isEmpty
                ? []
                : DERWriter.element(
                    DER.contextConstructed(3),
                    DERWriter.element(DER.sequence, concatenating: extensions)
                )
        )
        let signature = try key.sign(message: body, scheme: scheme)
        return DERWriter.sequence(body, algorithm, DERWriter.bitString(signature))
    }

    /// In the order of AWS's certificates.
    private var extensions: [[UInt8]] {
        var list: [[UInt8]] = []
        if let basicConstraints {
            var parts: [[UInt8]] = basicConstraints.isCA ? [[DER.boolean, 1, 0xff]] : []
            if let length = basicConstraints.pathLength {
                parts.append(DERWriter.integer(magnitude: withBigEndian(length)))
            }
            list.append(
                Self.encode(
                    ObjectIdentifier.basicConstraints,
                    isCritical: basicConstraints.isCritical,
                    DERWriter.element(DER.sequence, concatenating: parts)
                )
            )
        }
        if let authorityKeyIdentifier {
            list.append(
                Self.encode(
                    ObjectIdentifier.authorityKeyIdentifier,
                    isCritical: false,
                    DERWriter.sequence(DERWriter.element(DER.contextPrimitive(0), authorityKeyIdentifier))
                )
            )
        }
        if let subjectKeyIdentifier {
            list.append(
                Self.encode(
                    ObjectIdentifier.subjectKeyIdentifier,
                    isCritical: false,
                    DERWriter.octetString(subjectKeyIdentifier)
                )
            )
        }
        if let keyUsage {
            list.append(
                Self.encode(ObjectIdentifier.keyUsage, isCritical: isKeyUsageCritical, Self.namedBits(keyUsage))
            )
        }
        for (oid, isCritical, value) in otherExtensions { list.append(Self.encode(oid, isCritical: isCritical, value)) }
        return list
    }

    private func withBigEndian(_ value: Int) -> [UInt8] {
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func encode(_ oid: String, isCritical: Bool, _ value: [UInt8]) -> [UInt8] {
        DERWriter.sequence(
            DERWriter.objectIdentifier(oid),
            isCritical ? [DER.boolean, 1, 0xff] : [],
            DERWriter.octetString(value)
        )
    }

    /// BIT STRING without trailing zeros (X.690 section 11.2.2).
    private static func namedBits(_ usage: Certificate.KeyUsage) -> [UInt8] {
        var octets: [UInt8] = [0, 0]
        for bit in 0..<16 where usage.rawValue & (1 << bit) != 0 { octets[bit / 8] |= 0x80 >> (bit % 8) }
        while octets.last == 0 { octets.removeLast() }
        return DERWriter.element(DER.bitString, [UInt8(octets.last?.trailingZeroBitCount ?? 0)], octets)
    }
}
