// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Writes DER (ITU-T X.690), as much of it as certificates need.
enum DER {
    static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            switch count {
            case ..<0x80: [UInt8(count)]
            case ..<0x100: [0x81, UInt8(count)]
            default: [0x82, UInt8(count >> 8 & 0xff), UInt8(count & 0xff)]
            }
        return [tag] + length + content
    }

    static func sequence(_ elements: [UInt8]...) -> [UInt8] { element(0x30, elements.flatMap { $0 }) }
    static func set(_ elements: [UInt8]...) -> [UInt8] { element(0x31, elements.flatMap { $0 }) }
    static func octetString(_ bytes: [UInt8]) -> [UInt8] { element(0x04, bytes) }
    static func bitString(_ bytes: [UInt8], unusedBits: UInt8 = 0) -> [UInt8] { element(0x03, [unusedBits] + bytes) }
    static func boolean(_ value: Bool) -> [UInt8] { element(0x01, [value ? 0xff : 0x00]) }
    static func utf8String(_ text: String) -> [UInt8] { element(0x0c, Array(text.utf8)) }
    static func printableString(_ text: String) -> [UInt8] { element(0x13, Array(text.utf8)) }
    static func explicit(_ number: UInt8, _ content: [UInt8]) -> [UInt8] { element(0xa0 | number, content) }

    /// Of an unsigned big-endian number.
    static func integer(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array(bytes.drop { $0 == 0 })
        guard let first = digits.first else { return element(0x02, [0]) }
        return element(0x02, first < 0x80 ? digits : [0] + digits)
    }

    static func integer(_ value: UInt8) -> [UInt8] { integer([value]) }

    /// Of dotted text.
    static func objectIdentifier(_ text: String) -> [UInt8] {
        let arcs = text.split(separator: ".").compactMap { Int($0) }
        let numbers = [arcs[0] * 40 + arcs[1]] + arcs.dropFirst(2)
        return element(0x06, numbers.flatMap(base128))
    }

    private static func base128(_ number: Int) -> [UInt8] {
        var bytes = [UInt8(number & 0x7f)]
        var rest = number >> 7
        while rest > 0 {
            bytes.insert(UInt8(rest & 0x7f) | 0x80, at: 0)
            rest >>= 7
        }
        return bytes
    }

    /// UTCTime to 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5).
    static func time(_ time: Timestamp) -> [UInt8] {
        let digits = time.amzDate.filter { $0 != "T" }
        return digits < "2050" ? element(0x17, Array(digits.dropFirst(2).utf8)) : element(0x18, Array(digits.utf8))
    }
}
