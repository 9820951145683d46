// SPDX-License-Identifier: Apache-2.0

import Cryptography
public import Encoding

/// What a certificate says, for people to read. It decides nothing.
public struct CertificateSummary: Sendable, Equatable {
    /// One line, printable: `CN=aws.nitro-enclaves,OU=AWS,O=Amazon,C=US`.
    public let subject: String
    /// One line, printable.
    public let issuer: String
    /// Lower-case hex.
    public let serialNumber: String
    /// The first moment of validity.
    public let notBefore: Timestamp
    /// The last moment of validity.
    public let notAfter: Timestamp
    /// SHA-256 of the DER, 32 bytes.
    public let fingerprint: [UInt8]

    init(_ certificate: Certificate) {
        self.subject = Self.printable(certificate.subject)
        self.issuer = Self.printable(certificate.issuer)
        self.serialNumber = certificate.serialNumber
        self.notBefore = certificate.notBefore
        self.notAfter = certificate.notAfter
        self.fingerprint = certificate.fingerprintSHA256
    }

    /// Whether `time` lies between ``notBefore`` and ``notAfter``, both included.
    public func isValid(at time: Timestamp) -> Bool {
        notBefore <= time && time <= notAfter
    }

    /// Names are the sender's: what a terminal might obey is replaced.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.map { (0x20...0x7e).contains($0.value) ? Character($0) : "?" })
    }
}

extension AttestationDocument {
    /// The certificates of the document, root first, its own last. Nothing is verified here.
    ///
    /// - Throws: ``Rejection`` with ``Rejection/Reason/malformedX509`` or ``Rejection/Reason/duplicateCertificate``.
    public func certificateSummaries() throws(Rejection) -> [CertificateSummary] {
        try CertificateChain(parsing: self).certificates.map(CertificateSummary.init)
    }
}
