// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Header fields by lower-case name, in order, all in one piece of memory: what is asked of them for each request makes
/// no strings. A dozen in practice and bounded: looking at them all costs less than hashing.
struct CanonicalHeaders {
    /// Where a field stands in ``bytes``.
    struct Field {
        let name: Range<Int>
        /// As received.
        let value: Range<Int>
    }

    let bytes: [UInt8]
    let fields: [Field]
    /// Whether all names are printable ASCII, no spaces.
    let areNamesPrintable: Bool

    init(_ headers: [(name: String, value: String)]) {
        var bytes: [UInt8] = []
        var fields: [Field] = []
        bytes.reserveCapacity(headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count })
        fields.reserveCapacity(headers.count)
        var areNamesPrintable = true
        for header in headers {
            let start = bytes.count
            bytes.append(contentsOf: header.name.utf8)
            let middle = bytes.count
            for index in start..<middle {
                switch bytes[index] {
                // ASCII only: no other letter may become one that is in a signed name.
                case UInt8(ascii: "A")...UInt8(ascii: "Z"): bytes[index] |= 0x20
                case 0x21...0x7E: break
                default: areNamesPrintable = false
                }
            }
            bytes.append(contentsOf: header.value.utf8)
            fields.append(Field(name: start..<middle, value: middle..<bytes.count))
        }
        self.bytes = bytes
        self.fields = fields
        self.areNamesPrintable = areNamesPrintable
    }

    func contains(_ name: StaticString) -> Bool { first(name) != nil }

    func contains(_ name: Span<UInt8>) -> Bool {
        for field in fields where bytes.span.extracting(field.name).equals(name) { return true }
        return false
    }

    func count(of name: StaticString) -> Int {
        fields.reduce(0) { bytes.span.extracting($1.name).equals(name) ? $0 + 1 : $0 }
    }

    /// Where the value of the first field of this name stands.
    func first(_ name: StaticString) -> Range<Int>? {
        for field in fields where bytes.span.extracting(field.name).equals(name) { return field.value }
        return nil
    }

    /// The text of what stands in a range.
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// The names that a condition holds for, sorted, each once.
    func names(where isIncluded: (String) -> Bool) -> [String] {
        Set(fields.map { text($0.name) }.filter(isIncluded)).sorted()
    }

    /// What stands for a header in the canonical request; nil if there is no such field.
    func canonicalValue(_ name: StaticString) -> [UInt8]? {
        guard let field = fields.first(where: { bytes.span.extracting($0.name).equals(name) }) else { return nil }
        var text: [UInt8] = []
        _ = appendCanonicalValue(bytes.span.extracting(field.name), to: &text)
        return text
    }

    /// The values of a name, joined by commas, trimmed, each run of white space inside made one space; false if there is
    /// no such field.
    func appendCanonicalValue(_ name: Span<UInt8>, to text: inout [UInt8]) -> Bool {
        var isFirst = true
        for field in fields where bytes.span.extracting(field.name).equals(name) {
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            appendCollapsed(field.value, to: &text)
        }
        return !isFirst
    }

    /// Line ends are white space too: a value can never add a line to the canonical request.
    private static func isWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private func appendCollapsed(_ value: Range<Int>, to text: inout [UInt8]) {
        let start = text.count
        var position = value.lowerBound
        // Word by word, and most values are one.
        while position < value.upperBound {
            guard !Self.isWhiteSpace(bytes[position]) else {
                position += 1
                continue
            }
            var end = position + 1
            while end < value.upperBound, !Self.isWhiteSpace(bytes[end]) { end += 1 }
            if text.count > start { text.append(0x20) }
            text += bytes[position..<end]
            position = end
        }
    }
}
