// SPDX-License-Identifier: Apache-2.0

/// A name that a certificate is for (RFC 5280 section 4.2.1.6).
package enum GeneralName: Sendable, Hashable {
    /// As it stands there; ASCII.
    case dnsName(String)
    /// 4 or 16 bytes.
    case ipAddress([UInt8])
    /// Any other kind, by its number.
    case other(UInt8)

    private static let dnsTag = DER.contextPrimitive(2)
    private static let ipTag = DER.contextPrimitive(7)
    /// More than any certificate has.
    private static let maximumCount = 256

    /// Reads `GeneralNames`: at least one.
    static func list(_ bytes: [UInt8]) throws(CryptographyError) -> [GeneralName] {
        let input = bytes.span
        do {
            let outer = try DER.canonical(input, 0..<input.count)
            guard outer.tag == DER.sequence else { throw DERError() }
            var reader = DERReader(outer.content)
            var names: [GeneralName] = []
            repeat {
                let element = try reader.next(input)
                names.append(try GeneralName(element.tag, DER.bytes(input, element.content)))
                guard names.count <= maximumCount else { throw DERError() }
            } while !reader.isAtEnd
            return names
        } catch {
            throw CryptographyError(.malformedCertificate)
        }
    }

    private init(_ tag: UInt8, _ content: [UInt8]) throws(DERError) {
        switch tag {
        case Self.dnsTag:
            // IA5String; nothing that is not printable is part of a name.
            guard !content.isEmpty, content.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw DERError() }
            self = .dnsName(String(decoding: content, as: UTF8.self))
        case Self.ipTag:
            guard content.count == 4 || content.count == 16 else { throw DERError() }
            self = .ipAddress(content)
        default:
            guard tag & DER.classBits == 0x80 else { throw DERError() }
            self = .other(tag & 0x1f)
        }
    }

    /// Content of the extension. Names of another kind are left out.
    static func encode(_ names: [GeneralName]) -> [UInt8] {
        DERWriter.element(
            DER.sequence,
            concatenating: names.map { name in
                switch name {
                case .dnsName(let text): DERWriter.element(dnsTag, Array(text.utf8))
                case .ipAddress(let bytes): DERWriter.element(ipTag, bytes)
                case .other: []
                }
            }
        )
    }
}
