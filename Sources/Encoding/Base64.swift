// SPDX-License-Identifier: Apache-2.0

/// Base64 (RFC 4648 section 4), strict: padded, canonical trailing bits, no white space.
package enum Base64: Sendable {
    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )
    private static let padding = UInt8(ascii: "=")
    private static let notInAlphabet: UInt8 = 0xFF

    /// The value of each character, by its code.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: notInAlphabet, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// Padded, on one line.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String { encodeArray(Array(bytes)) }

    // Not generic, which is several times as fast: generic code is not specialised for its callers in other modules.
    private static func encodeArray(_ bytes: [UInt8]) -> String {
        let alphabet = alphabet
        var text = [UInt8](repeating: padding, count: (bytes.count + 2) / 3 * 4)
        var position = 0
        var index = 0
        while bytes.count - index >= 3 {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            text[position] = alphabet[Int(group >> 18)]
            text[position + 1] = alphabet[Int(group >> 12 & 63)]
            text[position + 2] = alphabet[Int(group >> 6 & 63)]
            text[position + 3] = alphabet[Int(group & 63)]
            index += 3
            position += 4
        }
        if bytes.count - index == 1 {
            let group = UInt32(bytes[index]) << 4
            text[position] = alphabet[Int(group >> 6)]
            text[position + 1] = alphabet[Int(group & 63)]
        } else if bytes.count - index == 2 {
            let group = UInt32(bytes[index]) << 10 | UInt32(bytes[index + 1]) << 2
            text[position] = alphabet[Int(group >> 12)]
            text[position + 1] = alphabet[Int(group >> 6 & 63)]
            text[position + 2] = alphabet[Int(group & 63)]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that `text` stands for.
    ///
    /// - Throws: `TextEncodingError` with the offset of the first bad character (the end, for an incomplete group).
    package static func decode(_ text: some StringProtocol) throws(TextEncodingError) -> [UInt8] {
        try decodeArray(Array(text.utf8))
    }

    private static func decodeArray(_ text: [UInt8]) throws(TextEncodingError) -> [UInt8] {
        let values = values
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        var held = 0
        var padded = 0
        var offset = 0
        // Whole groups first; the loop below has what is left, and what is wrong.
        while text.count - offset >= 4 {
            let (a, b) = (values[Int(text[offset])], values[Int(text[offset + 1])])
            let (c, d) = (values[Int(text[offset + 2])], values[Int(text[offset + 3])])
            guard a | b | c | d < 64 else { break }
            bytes.append(a << 2 | b >> 4)
            bytes.append(b << 4 | c >> 2)
            bytes.append(c << 6 | d)
            offset += 4
        }
        for character in text[offset...] {
            if character == padding {
                // At most two, and only as the third and fourth character of a group.
                guard padded < 2, held + padded >= 2, held + padded < 4 else { throw TextEncodingError(offset: offset) }
                padded += 1
            } else {
                let value = values[Int(character)]
                guard padded == 0, value != notInAlphabet else { throw TextEncodingError(offset: offset) }
                group = group << 6 | UInt32(value)
                held += 1
                if held == 4 {
                    bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                    bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                    bytes.append(UInt8(truncatingIfNeeded: group))
                    group = 0
                    held = 0
                }
            }
            offset += 1
        }
        switch (held, padded) {
        case (0, 0): break
        case (2, 2):
            // RFC 4648 section 3.5: the bits that no byte takes are zero.
            guard group & 0x0F == 0 else { throw TextEncodingError(offset: offset - 3) }
            bytes.append(UInt8(truncatingIfNeeded: group >> 4))
        case (3, 1):
            guard group & 0x03 == 0 else { throw TextEncodingError(offset: offset - 2) }
            bytes.append(UInt8(truncatingIfNeeded: group >> 10))
            bytes.append(UInt8(truncatingIfNeeded: group >> 2))
        default: throw TextEncodingError(offset: offset)
        }
        return bytes
    }
}
