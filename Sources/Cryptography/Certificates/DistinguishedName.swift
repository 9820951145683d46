// SPDX-License-Identifier: Apache-2.0

import Encoding

/// A `Name` (RFC 5280 section 4.1.2.4). Compared as DER, shown as text.
struct DistinguishedName: Sendable {
    let der: [UInt8]
    /// RFC 4514, as `openssl x509 -nameopt RFC2253` prints it: last RDN first, printable ASCII only.
    let text: String
    /// Dotted type and value as UTF-8 of each attribute, in order; `#` and DER in hex for other strings.
    let attributes: [(oid: String, value: String)]

    private static let ia5String: UInt8 = 0x16

    private static let shortNames: [(oid: String, name: String)] = [
        ("2.5.4.3", "CN"), ("2.5.4.5", "serialNumber"), ("2.5.4.6", "C"), ("2.5.4.7", "L"), ("2.5.4.8", "ST"),
        ("2.5.4.9", "street"), ("2.5.4.10", "O"), ("2.5.4.11", "OU"), ("0.9.2342.19200300.100.1.25", "DC"),
        ("0.9.2342.19200300.100.1.1", "UID"), ("1.2.840.113549.1.9.1", "emailAddress"),
    ]

    init(_ input: Span<UInt8>, _ element: DERElement) throws(DERError) {
        der = DER.bytes(input, element.whole)
        var names: [String] = []
        var attributes: [(oid: String, value: String)] = []
        var reader = DERReader(element.content)
        while !reader.isAtEnd {
            var members = DERReader(try reader.next(input, tag: DER.set).content)
            var parts: [String] = []
            repeat {
                var member = DERReader(try members.next(input, tag: DER.sequence).content)
                let oid = try ObjectIdentifier.text(input, member.next(input, tag: DER.objectIdentifier).content)
                let value = try member.next(input)
                try member.finish()
                attributes.append((oid, Self.value(input, value)))
                if let name = Self.shortNames.first(where: { $0.oid == oid })?.name {
                    parts.append("\(name)=\(Self.text(input, value))")
                } else {
                    parts.append("\(oid)=\(Self.dump(input, value))")
                }
            } while !members.isAtEnd
            names.append(parts.reversed().joined(separator: "+"))
        }
        text = names.reversed().joined(separator: ",")
        self.attributes = attributes
    }

    /// DER of one RDN per attribute; nil for a type that is neither a known short name nor an OID.
    static func encode(_ attributes: [(type: String, value: String)]) -> [UInt8]? {
        var names: [[UInt8]] = []
        for (type, value) in attributes {
            guard let oid = ObjectIdentifier.content(shortNames.first { $0.name == type }?.oid ?? type) else {
                return nil
            }
            // RFC 5280 appendix A.1: these two are PrintableString; the others are UTF8String.
            let tag = type == "C" || type == "serialNumber" ? DER.printableString : DER.utf8String
            names.append(
                DERWriter.element(
                    DER.set,
                    DERWriter.sequence(
                        DERWriter.element(DER.objectIdentifier, oid),
                        DERWriter.element(tag, Array(value.utf8))
                    )
                )
            )
        }
        return DERWriter.element(DER.sequence, concatenating: names)
    }

    /// Types without a short name, and strings of unknown encoding.
    private static func dump(_ input: Span<UInt8>, _ value: DERElement) -> String {
        "#" + Hex.encode(DER.bytes(input, value.whole)).uppercased()
    }

    private static func value(_ input: Span<UInt8>, _ value: DERElement) -> String {
        guard [DER.utf8String, DER.printableString, ia5String].contains(value.tag) else { return dump(input, value) }
        return String(decoding: DER.bytes(input, value.content), as: UTF8.self)
    }

    /// RFC 4514 section 2.4; every byte outside of printable ASCII is escaped, so that no name rewrites a terminal.
    private static func text(_ input: Span<UInt8>, _ value: DERElement) -> String {
        guard [DER.utf8String, DER.printableString, ia5String].contains(value.tag) else {
            return dump(input, value)
        }
        let bytes = DER.bytes(input, value.content)
        var text = ""
        for (position, byte) in bytes.enumerated() {
            let isEnd = position == 0 || position == bytes.count - 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "<"),
                UInt8(ascii: ">"), UInt8(ascii: "\\"):
                text += "\\" + String(UnicodeScalar(byte))
            case UInt8(ascii: "#") where position == 0, UInt8(ascii: " ") where isEnd:
                text += "\\" + String(UnicodeScalar(byte))
            case 0x20..<0x7f:
                text += String(UnicodeScalar(byte))
            default:
                text += "\\" + Hex.encode([byte]).uppercased()
            }
        }
        return text
    }
}
