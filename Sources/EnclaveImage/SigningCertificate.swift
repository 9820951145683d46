// SPDX-License-Identifier: Apache-2.0

import Cryptography
public import Encoding

/// The certificate under whose key an image is signed: whose digest is PCR8. Nobody checks who issued it.
public struct SigningCertificate: Sendable {
    let parsed: Certificate

    /// Reads the first certificate of a PEM text, as `nitro-cli` does; text before it and whatever follows is passed over.
    ///
    /// - Throws: ``EnclaveImageError`` with `malformedSignature`.
    public init(pem: String) throws(EnclaveImageError) {
        guard let block = Self.firstBlock(pem) else {
            throw EnclaveImageError(.malformedSignature, "the signing certificate is not a certificate in PEM")
        }
        do {
            parsed = try Certificate(pem: block)
        } catch {
            throw EnclaveImageError(.malformedSignature, "the signing certificate: \(error.code.rawValue)")
        }
    }

    /// DER.
    public var der: [UInt8] { parsed.der }
    /// PEM, 64 columns.
    public var pem: String { parsed.pem }
    /// One line, printable ASCII: `CN=image-signer,O=Example`.
    public var subject: String { parsed.subject }
    /// One line, printable ASCII.
    public var issuer: String { parsed.issuer }
    /// The attributes of the issuer by OpenSSL's long names, as text that may hold anything. Of a repeated attribute the
    /// last counts.
    public var issuerAttributes: [String: String] {
        Dictionary(parsed.issuerAttributes.map { ($0.type, $0.value) }) { $1 }
    }
    /// The first second of validity.
    public var notBefore: Timestamp { parsed.notBefore }
    /// The last second of validity.
    public var notAfter: Timestamp { parsed.notAfter }
    /// Of the certificate's own signature, OpenSSL's name: `ecdsa-with-SHA384`.
    public var signatureAlgorithm: String { parsed.signatureAlgorithmName }
    /// The certificate's own signature.
    public var signature: [UInt8] { parsed.signature }
    /// What the security module reports of images that are signed under this certificate.
    public var pcr8: [UInt8] { EnclaveMeasurements.pcr8(certificate: der) }

    private static let begin = "-----BEGIN "

    /// From the first BEGIN line, which must be a certificate's, to the next END line.
    private static func firstBlock(_ pem: String) -> String? {
        let lines = pem.split(whereSeparator: \.isNewline)
        guard let start = lines.firstIndex(where: { $0.hasPrefix(begin) }),
            let end = lines[start...].firstIndex(where: { $0.hasPrefix("-----END ") })
        else { return nil }
        return lines[start...end].joined(separator: "\n")
    }
}

extension SigningCertificate: Equatable {
    /// Equality is of the bytes.
    public static func == (a: SigningCertificate, b: SigningCertificate) -> Bool { a.der == b.der }
}
