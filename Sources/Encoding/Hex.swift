// SPDX-License-Identifier: Apache-2.0

/// Base16 (RFC 4648 section 8). Encodes lower case; decodes both cases, an even number of digits, nothing else.
package enum Hex: Sendable {
    // Tables, not comparisons: digits of random bytes follow no pattern that a processor could foresee.
    private static let digits: [UInt8] = Array("0123456789abcdef".utf8)
    private static let notADigit: UInt8 = 0xFF
    private static let values: [UInt8] = (0...0xFF).map { value(ofDigit: $0) ?? notADigit }

    /// Two lower-case digits a byte.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        append(Array(bytes), to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The same at the end of a text.
    package static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        // Not generic, which is several times as fast: generic code is not specialised for its callers in other modules.
        let digits = digits
        text.reserveCapacity(text.count + bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0x0F)])
        }
    }

    /// The bytes that `text` stands for.
    ///
    /// - Throws: `TextEncodingError` with the offset of the first bad character (the end, for an odd number of digits).
    package static func decode(_ text: some StringProtocol) throws(TextEncodingError) -> [UInt8] {
        try decodeArray(Array(text.utf8))
    }

    private static func decodeArray(_ text: [UInt8]) throws(TextEncodingError) -> [UInt8] {
        let values = values
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var offset = 0
        while text.count - offset >= 2 {
            let (high, low) = (values[Int(text[offset])], values[Int(text[offset + 1])])
            guard high | low < 16 else { throw TextEncodingError(offset: high < 16 ? offset + 1 : offset) }
            bytes.append(high << 4 | low)
            offset += 2
        }
        guard offset == text.count else {
            // One digit too many, or something that is none.
            throw TextEncodingError(offset: values[Int(text[offset])] < 16 ? text.count : offset)
        }
        return bytes
    }

    /// 0 to 15 for an ASCII hexadecimal digit.
    package static func value(ofDigit character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x41...0x46: character - 0x41 + 10
        case 0x61...0x66: character - 0x61 + 10
        default: nil
        }
    }
}
