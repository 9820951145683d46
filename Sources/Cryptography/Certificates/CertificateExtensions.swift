// SPDX-License-Identifier: Apache-2.0

/// The extensions of a certificate (RFC 5280 section 4.2) that are understood here, and the names of the other critical
/// ones.
struct CertificateExtensions: Sendable {
    private(set) var basicConstraints: Certificate.BasicConstraints?
    private(set) var keyUsage: Certificate.KeyUsage?
    private(set) var subjectKeyIdentifier: [UInt8]?
    /// Content of the extension, which is read when somebody asks for it.
    private(set) var subjectAlternativeName: [UInt8]?
    private(set) var extendedKeyUsage: [UInt8]?
    private(set) var otherCritical: [String] = []

    /// More than any certificate has.
    private static let maximumCount = 64
    /// A path is never so long; two octets hold it.
    private static let maximumPathLength = 0x7fff

    /// None.
    init() {}

    /// Reads `Extensions`: at least one, none twice.
    init(_ input: Span<UInt8>, _ list: DERElement) throws(DERError) {
        var reader = DERReader(list.content)
        var seen: Set<String> = []
        repeat {
            var item = DERReader(try reader.next(input, tag: DER.sequence).content)
            let name = try ObjectIdentifier.text(input, item.next(input, tag: DER.objectIdentifier).content)
            let isCritical = try Self.booleanDefaultFalse(input, &item)
            let value = try item.next(input, tag: DER.octetString).content
            try item.finish()
            guard seen.insert(name).inserted, seen.count <= Self.maximumCount else { throw DERError() }
            switch name {
            case ObjectIdentifier.basicConstraints:
                basicConstraints = try Self.basicConstraints(input, value, isCritical: isCritical)
            case ObjectIdentifier.keyUsage:
                keyUsage = try Self.keyUsage(input, value)
            default:
                if name == ObjectIdentifier.subjectKeyIdentifier {
                    let identifier = try DER.canonical(input, value)
                    guard identifier.tag == DER.octetString, !identifier.content.isEmpty else { throw DERError() }
                    subjectKeyIdentifier = DER.bytes(input, identifier.content)
                } else if name == ObjectIdentifier.subjectAlternativeName {
                    subjectAlternativeName = DER.bytes(input, value)
                } else if name == ObjectIdentifier.extendedKeyUsage {
                    extendedKeyUsage = DER.bytes(input, value)
                }
                if isCritical { otherCritical.append(name) }
            }
        } while !reader.isAtEnd
    }

    /// RFC 5280 section 4.2.1.9.
    private static func basicConstraints(_ input: Span<UInt8>, _ value: Range<Int>, isCritical: Bool)
        throws(DERError) -> Certificate.BasicConstraints
    {
        let outer = try DER.canonical(input, value)
        guard outer.tag == DER.sequence else { throw DERError() }
        var reader = DERReader(outer.content)
        let isCA = try booleanDefaultFalse(input, &reader)
        var pathLength: Int?
        if let number = try reader.nextIfPresent(input, tag: DER.integer) {
            // Only a CA has one.
            guard isCA, number.content.count <= 2, input[number.content.lowerBound] < 0x80 else { throw DERError() }
            let length = number.content.reduce(0) { $0 << 8 | Int(input[$1]) }
            guard length <= maximumPathLength else { throw DERError() }
            pathLength = length
        }
        try reader.finish()
        return Certificate.BasicConstraints(isCritical: isCritical, isCA: isCA, pathLength: pathLength)
    }

    /// RFC 5280 section 4.2.1.3: named bits, of which at least one is set, without trailing zeros (X.690 section
    /// 11.2.2).
    private static func keyUsage(_ input: Span<UInt8>, _ value: Range<Int>) throws(DERError) -> Certificate.KeyUsage {
        let bits = try DER.canonical(input, value)
        guard bits.tag == DER.bitString, bits.content.count == 2 || bits.content.count == 3 else { throw DERError() }
        let unused = Int(input[bits.content.lowerBound])
        let octets = DER.bytes(input, bits.content.dropFirst())
        guard let last = octets.last, last != 0, last.trailingZeroBitCount == unused else { throw DERError() }
        var usage: Certificate.KeyUsage = []
        for (position, octet) in octets.enumerated() {
            for bit in 0..<8 where octet & (0x80 >> bit) != 0 {
                usage.insert(Certificate.KeyUsage(rawValue: 1 << (8 * position + bit)))
            }
        }
        guard usage.rawValue < 1 << 9 else { throw DERError() }
        return usage
    }

    /// `BOOLEAN DEFAULT FALSE`, which DER leaves out when false.
    private static func booleanDefaultFalse(_ input: Span<UInt8>, _ reader: inout DERReader) throws(DERError) -> Bool {
        guard let value = try reader.nextIfPresent(input, tag: DER.boolean) else { return false }
        guard value.content.count == 1, input[value.content.lowerBound] == 0xff else { throw DERError() }
        return true
    }

    /// RFC 5280 section 4.2.1.12: at least one purpose.
    static func purposes(_ bytes: [UInt8]) throws(CryptographyError) -> [String] {
        let input = bytes.span
        do {
            let outer = try DER.canonical(input, 0..<input.count)
            guard outer.tag == DER.sequence else { throw DERError() }
            var reader = DERReader(outer.content)
            var purposes: [String] = []
            repeat {
                let purpose = try reader.next(input, tag: DER.objectIdentifier)
                purposes.append(try ObjectIdentifier.text(input, purpose.content))
            } while !reader.isAtEnd
            return purposes
        } catch {
            throw CryptographyError(.malformedCertificate)
        }
    }
}
