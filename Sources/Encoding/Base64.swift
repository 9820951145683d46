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
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var held = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            held += 1
            guard held == 3 else { continue }
            text.append(alphabet[Int(group >> 18 & 63)])
            text.append(alphabet[Int(group >> 12 & 63)])
            text.append(alphabet[Int(group >> 6 & 63)])
            text.append(alphabet[Int(group & 63)])
            group = 0
            held = 0
        }
        if held == 1 {
            text += [alphabet[Int(group >> 2 & 63)], alphabet[Int(group << 4 & 63)], padding, padding]
        } else if held == 2 {
            text += [
                alphabet[Int(group >> 10 & 63)], alphabet[Int(group >> 4 & 63)], alphabet[Int(group << 2 & 63)],
                padding,
            ]
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
        for character in text {
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
