// SPDX-License-Identifier: Apache-2.0

import Encoding

/// What a certificate says, read from strict DER.
struct CertificateFields: Sendable {
    /// Where TBSCertificate stands in the input: what the signature is over.
    let toBeSigned: Range<Int>
    let version: Int
    let serialNumber: String
    let signatureAlgorithm: SignatureAlgorithm
    let issuer: DistinguishedName
    let notBefore: Timestamp
    let notAfter: Timestamp
    let subject: DistinguishedName
    /// DER SubjectPublicKeyInfo.
    let publicKey: [UInt8]
    let extensions: CertificateExtensions
    /// As the issuer made it.
    let signature: [UInt8]

    /// RFC 5280 section 4.1.2.2 counts 20 octets. AWS's instance authorities fill all 20 with random bits and need a
    /// 21st for the sign: so the magnitude is what counts here.
    private static let maximumSerialNumberLength = 20

    /// Reads `Certificate` (RFC 5280 section 4.1).
    init(_ input: Span<UInt8>) throws(DERError) {
        let outer = try DER.canonical(input, 0..<input.count)
        guard outer.tag == DER.sequence else { throw DERError() }
        var reader = DERReader(outer.content)
        let body = try reader.next(input, tag: DER.sequence)
        let outerAlgorithm = try reader.next(input, tag: DER.sequence)
        let signature = try reader.next(input, tag: DER.bitString)
        try reader.finish()
        guard signature.content.count > 1, input[signature.content.lowerBound] == 0 else { throw DERError() }
        self.signature = DER.bytes(input, signature.content.dropFirst())

        toBeSigned = body.whole
        reader = DERReader(body.content)
        version = try Self.version(input, &reader)
        serialNumber = try Self.serialNumber(input, reader.next(input, tag: DER.integer))
        let innerAlgorithm = try reader.next(input, tag: DER.sequence)
        signatureAlgorithm = try SignatureAlgorithm(input, innerAlgorithm)
        // RFC 5280 section 4.1.1.2: equal, parameters included.
        guard DER.bytes(input, innerAlgorithm.whole) == DER.bytes(input, outerAlgorithm.whole) else { throw DERError() }
        issuer = try DistinguishedName(input, reader.next(input, tag: DER.sequence))
        let validity = try reader.next(input, tag: DER.sequence)
        subject = try DistinguishedName(input, reader.next(input, tag: DER.sequence))
        publicKey = DER.bytes(input, try reader.next(input, tag: DER.sequence).whole)
        // Unique identifiers, [1] and [2], are not to be used (section 4.1.2.8): they end here as unexpected.
        if let wrapped = try reader.nextIfPresent(input, tag: DER.contextConstructed(3)) {
            guard version == 3 else { throw DERError() }
            var reader = DERReader(wrapped.content)
            extensions = try CertificateExtensions(input, reader.next(input, tag: DER.sequence))
            try reader.finish()
        } else {
            extensions = CertificateExtensions()
        }
        try reader.finish()

        reader = DERReader(validity.content)
        notBefore = try CertificateTime.read(input, reader.next(input))
        notAfter = try CertificateTime.read(input, reader.next(input))
        try reader.finish()
    }

    private static func version(_ input: Span<UInt8>, _ reader: inout DERReader) throws(DERError) -> Int {
        guard let wrapped = try reader.nextIfPresent(input, tag: DER.contextConstructed(0)) else { return 1 }
        var inner = DERReader(wrapped.content)
        let number = try inner.next(input, tag: DER.integer)
        try inner.finish()
        guard number.content.count == 1 else { throw DERError() }
        // v1 is the default, which DER leaves out.
        switch input[number.content.lowerBound] {
        case 1: return 2
        case 2: return 3
        default: throw DERError()
        }
    }

    private static func serialNumber(_ input: Span<UInt8>, _ element: DERElement) throws(DERError) -> String {
        let content = element.content
        guard input[content.lowerBound] < 0x80 else { throw DERError() }
        let magnitude = content.count > 1 && input[content.lowerBound] == 0 ? content.dropFirst() : content
        guard magnitude.count <= maximumSerialNumberLength else { throw DERError() }
        return Hex.encode(DER.bytes(input, magnitude))
    }
}
