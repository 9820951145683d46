// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography

/// The signature section: a certificate, and a COSE_Sign1 over PCR0 under its key. Not verified by being there.
public struct ImageSignature: Sendable, Equatable {
    /// DER of the signing certificate. Its digest is PCR8.
    public let certificate: [UInt8]
    /// COSE_Sign1, untagged.
    public let message: [UInt8]

    init(certificate: [UInt8], message: [UInt8]) {
        self.certificate = certificate
        self.message = message
    }
}

// MARK: The section

extension ImageSignature {
    /// An array of one map of two, whose byte strings are arrays of integers: what serde makes of `Vec<u8>`, and all that
    /// `nitro-cli` and QEMU read. The order of the members is QEMU's demand.
    ///
    /// - Throws: `malformedSignature` for a certificate that is none; `signatureTooLarge`.
    func encoded() throws(EnclaveImageError) -> [UInt8] {
        let certificate: Certificate
        do {
            certificate = try Certificate(der: self.certificate)
        } catch {
            throw EnclaveImageError(.malformedSignature, "the signing certificate: \(error.code.rawValue)")
        }
        var writer = CBORWriter()
        writer.arrayHeader(1)
        writer.mapHeader(2)
        writer.text(Self.certificateName)
        writer.integers(Array(certificate.pem.utf8))
        writer.text(Self.messageName)
        writer.integers(message)
        guard writer.bytes.count <= ImageFormat.maximumSignatureLength else {
            throw EnclaveImageError(
                .signatureTooLarge,
                "the signature has \(writer.bytes.count) bytes, of at most \(ImageFormat.maximumSignatureLength)"
            )
        }
        return writer.bytes
    }

    static let certificateName = "signing_certificate"
    static let messageName = "signature"
}

extension CBORWriter {
    mutating func integers(_ bytes: [UInt8]) {
        arrayHeader(bytes.count)
        for byte in bytes { unsigned(UInt64(byte)) }
    }
}
