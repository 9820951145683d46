// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NitroAttestation

/// A certificate with its private key: P-384, signed with SHA-384, as all of AWS's are.
struct IssuedCertificate: Sendable {
    let key: PrivateKey
    let der: [UInt8]
    let subject: ModuleIdentity.Name
    let subjectKeyIdentifier: [UInt8]
    let notBefore: Timestamp
    let notAfter: Timestamp

    /// What a level of the chain is made with.
    struct Profile {
        var subject: ModuleIdentity.Name
        var lifetimeSeconds: Int64
        var isAuthority: Bool
        var pathLength: Int?
        var keyUsage: Certificate.KeyUsage
        var isKeyUsageCritical = true
        /// 16 random bytes when nil.
        var serialNumber: [UInt8]?
    }

    /// Makes a key and its certificate, signed by `issuer`, or by itself.
    init(_ profile: Profile, issuer: IssuedCertificate?, from notBefore: Timestamp) throws(CryptographyError) {
        key = try PrivateKey.generate(.ec(.p384))
        subject = profile.subject
        subjectKeyIdentifier = Self.identifier(of: key.publicKey)
        self.notBefore = notBefore
        notAfter = notBefore.advanced(byMilliseconds: profile.lifetimeSeconds * 1000)
        let serialNumber: [UInt8]
        if let given = profile.serialNumber {
            serialNumber = given
        } else {
            serialNumber = try Self.randomSerialNumber()
        }
        let template = CertificateTemplate(
            subject: profile.subject,
            issuer: issuer?.subject ?? profile.subject,
            serialNumber: serialNumber,
            notBefore: notBefore,
            notAfter: notAfter,
            publicKey: key.publicKey,
            basicConstraints: Certificate.BasicConstraints(
                isCritical: true,
                isCA: profile.isAuthority,
                pathLength: profile.pathLength
            ),
            keyUsage: profile.keyUsage,
            isKeyUsageCritical: profile.isKeyUsageCritical,
            subjectKeyIdentifier: profile.isAuthority ? subjectKeyIdentifier : nil,
            authorityKeyIdentifier: profile.isAuthority ? issuer?.subjectKeyIdentifier : nil
        )
        der = try template.signed(by: issuer?.key ?? key, hash: .sha384)
    }

    /// An authority that was made before. Its subject is the one that ``ModuleIdentity`` gives roots.
    init(root certificate: Certificate, key: PrivateKey) {
        self.key = key
        der = certificate.der
        subject = ModuleIdentity.root
        subjectKeyIdentifier = certificate.subjectKeyIdentifier ?? Self.identifier(of: key.publicKey)
        notBefore = certificate.notBefore
        notAfter = certificate.notAfter
    }

    func isValid(at time: Timestamp, withReserve seconds: Int64) -> Bool {
        notBefore <= time && time.advanced(byMilliseconds: seconds * 1000) < notAfter
    }

    /// RFC 5280 section 4.2.1.2, method 1: SHA-1 of the public key's bits, here an uncompressed P-384 point.
    private static func identifier(of key: PublicKey) -> [UInt8] {
        let pointLength = 1 + 2 * 48
        return Hash.digest(.sha1, [UInt8](key.spki.suffix(pointLength)))
    }

    /// Positive, and never shorter than 16 bytes.
    private static func randomSerialNumber() throws(CryptographyError) -> [UInt8] {
        var bytes = try SecureRandom.bytes(count: 16)
        bytes[0] = bytes[0] & 0x3f | 0x40
        return bytes
    }
}
