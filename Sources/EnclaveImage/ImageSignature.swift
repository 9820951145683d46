// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography

/// The signature section: a certificate, and a COSE_Sign1 over PCR0 under its key. Being there it says nothing:
/// ``check(pcr0:)`` verifies it.
public struct ImageSignature: Sendable, Equatable {
    /// Under whose key it is made. Its digest is PCR8.
    public let certificate: SigningCertificate
    /// COSE_Sign1, as it stands in the section.
    public let message: [UInt8]
    /// The certificate as it stands in the section.
    private let certificateText: [UInt8]

    init(certificate: SigningCertificate, message: [UInt8]) {
        self.certificate = certificate
        self.message = message
        certificateText = Array(certificate.pem.utf8)
    }
}

// MARK: The section

extension ImageSignature {
    private static let certificateName = "signing_certificate"
    private static let messageName = "signature"

    /// An array of a map of two arrays with an item for each byte.
    private static let limits = CBORLimits(
        totalLength: ImageFormat.maximumSignatureLength,
        depth: 3,
        items: ImageFormat.maximumSignatureLength,
        stringLength: 64
    )

    /// Reads the section. The format allows several entries, of which the first counts; nothing writes more than one, and
    /// more than one is refused.
    init(parsing section: [UInt8]) throws(EnclaveImageError) {
        let value: CBORValue
        do {
            value = try CBORDecoder.decode(section, limits: Self.limits)
        } catch {
            throw Self.malformed("\(error.code.rawValue) at byte \(error.offset)")
        }
        guard let entries = value.array, entries.count == 1, let entry = entries[0].map else {
            throw Self.malformed("not an array of one map")
        }
        guard entry.entries.count == 2, let certificate = entry[Self.certificateName]?.integers,
            let message = entry[Self.messageName]?.integers
        else { throw Self.malformed("not a map of certificate and signature, each an array of bytes") }
        certificateText = certificate
        self.certificate = try SigningCertificate(pem: String(decoding: certificate, as: UTF8.self))
        self.message = message
    }

    /// An array of one map of two, whose byte strings are arrays of integers: what serde makes of `Vec<u8>`, and all that
    /// `nitro-cli` and QEMU read. The order of the members is QEMU's demand.
    func encoded() throws(EnclaveImageError) -> [UInt8] {
        var writer = CBORWriter()
        writer.arrayHeader(1)
        writer.mapHeader(2)
        writer.text(Self.certificateName)
        writer.integers(certificateText)
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

    private static func malformed(_ detail: String) -> EnclaveImageError {
        EnclaveImageError(.malformedSignature, "the signature section: \(detail)")
    }
}

// MARK: What is signed

extension ImageSignature {
    /// `{"register_index": 0, "register_value": [48 integers]}` in this order. `nitro-cli` compares bytes.
    static func payload(pcr0: [UInt8]) -> [UInt8] {
        var writer = CBORWriter()
        writer.mapHeader(2)
        writer.text("register_index")
        writer.unsigned(0)
        writer.text("register_value")
        writer.integers(pcr0)
        return writer.bytes
    }

    /// Room for the COSE_Sign1 with its payload of 131 bytes and the largest signature, that of P-521.
    private static let messageLimits = CBORLimits(totalLength: 1024, depth: 2, items: 32, stringLength: 512)

    /// Verifies the signature with the certificate's key, and that it is over this value of PCR0. Whether the certificate
    /// is valid at some time, and whose it is, is not asked here: ``EnclaveImageFile/check(_:at:)`` does.
    ///
    /// - Throws: ``EnclaveImageError``: `malformedSignature`; `unsupportedSigningKey` for another key than of P-256,
    ///   P-384 or P-521; `wrongSigningAlgorithm` if the message does not name the algorithm of that curve;
    ///   `wrongSignedValue`; `invalidSignature`.
    public func check(pcr0: [UInt8]) throws(EnclaveImageError) {
        let sign1: COSESign1
        do {
            sign1 = try COSESign1(unverified: message, limits: Self.messageLimits, tagging: .optional)
        } catch {
            throw Self.malformed("not a COSE_Sign1")
        }
        guard let algorithm = Self.algorithm(of: certificate.parsed.publicKey) else {
            throw EnclaveImageError(
                .unsupportedSigningKey,
                "the signing certificate's key is none of P-256, P-384 and P-521"
            )
        }
        guard sign1.protectedHeader[COSEHeader.algorithm] == algorithm.value, sign1.unprotectedHeader.entries.isEmpty
        else {
            throw EnclaveImageError(
                .wrongSigningAlgorithm,
                "the headers are not the algorithm of the certificate's key (\(algorithm.rawValue)) alone"
            )
        }
        guard let payload = sign1.payload, payload == Self.payload(pcr0: pcr0) else {
            throw EnclaveImageError(.wrongSignedValue, "what is signed is not the PCR0 of this image")
        }
        do {
            try sign1.verify(algorithm, key: certificate.parsed.publicKey)
        } catch {
            throw EnclaveImageError(.invalidSignature, "the signature is not by the key of the signing certificate")
        }
    }

    /// The three that the format has, each with its curve.
    private static func algorithm(of key: PublicKey) -> COSEAlgorithm? {
        switch key.algorithm {
        case .ec(.p256): .es256
        case .ec(.p384): .es384
        case .ec(.p521): .es512
        default: nil
        }
    }
}

extension COSEAlgorithm {
    fileprivate var value: CBORValue { .integer(rawValue) }
}

extension CBORValue {
    /// The bytes of an array of integers from 0 to 255; nil for anything else.
    fileprivate var integers: [UInt8]? {
        guard let array else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(array.count)
        for element in array {
            guard let byte = element.unsigned.flatMap(UInt8.init(exactly:)) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}

extension CBORWriter {
    fileprivate mutating func integers(_ bytes: [UInt8]) {
        arrayHeader(bytes.count)
        for byte in bytes { unsigned(UInt64(byte)) }
    }
}
