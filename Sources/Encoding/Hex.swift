// SPDX-License-Identifier: Apache-2.0

/// Base16 (RFC 4648 section 8). Encodes lower case; decodes both cases, an even number of digits, nothing else.
package enum Hex: Sendable {
    /// Two lower-case digits a byte.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        append(Array(bytes), to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The same at the end of a text.
    package static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        // Not generic, which is several times as fast: generic code is not specialised for its callers in other modules.
        text.reserveCapacity(text.count + bytes.count * 2)
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 0x0F))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// The bytes that `text` stands for.
    ///
    /// - Throws: `TextEncodingError` with the offset of the first bad character (the end, for an odd number of digits).
    package static func decode(_ text: some StringProtocol) throws(TextEncodingError) -> [UInt8] {
        try decodeArray(Array(text.utf8))
    }

    private static func decodeArray(_ text: [UInt8]) throws(TextEncodingError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var high: UInt8?
        var offset = 0
        for character in text {
            guard let digit = value(ofDigit: character) else { throw TextEncodingError(offset: offset) }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
            offset += 1
        }
        guard high == nil else { throw TextEncodingError(offset: offset) }
        return bytes
    }

    /// 0 to 15 for an ASCII hexadecimal digit.
    static func value(ofDigit character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x41...0x46: character - 0x41 + 10
        case 0x61...0x66: character - 0x61 + 10
        default: nil
        }
    }
}
