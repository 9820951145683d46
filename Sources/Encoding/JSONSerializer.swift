// SPDX-License-Identifier: Apache-2.0

extension JSON {
    /// Serialises compactly, or indented by two spaces with one member or element a line; members in their order.
    ///
    /// Strings are escaped where RFC 8259 demands it and nowhere else, as ECMAScript's `JSON.stringify` does.
    package func serialized(pretty: Bool = false) -> [UInt8] {
        var serializer = JSONSerializer(pretty: pretty)
        serializer.write(self)
        return serializer.bytes
    }

    /// Appends `text` in quotes, with the escapes of `JSON.stringify`: `\b \t \n \f \r \" \\`, other controls `\u001f`.
    package static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if mustEscape(text) {
            appendEscaped(text, to: &bytes)
        } else {
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func mustEscape(_ text: String) -> Bool {
        let bytes = text.utf8.span
        for index in bytes.indices {
            let byte = bytes[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return true }
        }
        return false
    }

    private static func appendEscaped(_ text: String, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x08: bytes.append(contentsOf: "\\b".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0C: bytes.append(contentsOf: "\\f".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0..<0x20: bytes.append(contentsOf: "\\u00\(Hex.encode(CollectionOfOne(byte)))".utf8)
            default: bytes.append(byte)
            }
        }
    }
}

private struct JSONSerializer {
    private(set) var bytes: [UInt8] = []
    private let pretty: Bool
    private var depth = 0

    /// Room for most responses, so that the text does not move while it grows.
    private static let usualLength = 512

    init(pretty: Bool) {
        self.pretty = pretty
        bytes.reserveCapacity(Self.usualLength)
    }

    mutating func write(_ value: JSON) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let number): bytes.append(contentsOf: number.text.utf8)
        case .string(let text): JSON.appendQuoted(text, to: &bytes)
        case .array(let elements):
            open("[")
            for (index, element) in elements.enumerated() {
                startItem(isFirst: index == 0)
                write(element)
            }
            close("]", isEmpty: elements.isEmpty)
        case .object(let object):
            open("{")
            for (index, member) in object.members.enumerated() {
                startItem(isFirst: index == 0)
                JSON.appendQuoted(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                if pretty { bytes.append(UInt8(ascii: " ")) }
                write(member.value)
            }
            close("}", isEmpty: object.members.isEmpty)
        }
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        depth += 1
    }

    private mutating func close(_ bracket: Unicode.Scalar, isEmpty: Bool) {
        depth -= 1
        if !isEmpty { breakLine() }
        bytes.append(UInt8(ascii: bracket))
    }

    private mutating func startItem(isFirst: Bool) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        breakLine()
    }

    private mutating func breakLine() {
        guard pretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
    }
}
