// SPDX-License-Identifier: Apache-2.0

/// Base64 (RFC 4648 section 4) of a secret: padded, one text for one secret, decoded straight into locked memory.
package enum SecretBase64: Sendable {
    /// - Parameters:
    ///   - text: Where the text stands.
    ///   - range: Which part of it is the text.
    ///   - isSkipped: Characters that do not count, such as the ends of lines in PEM.
    /// - Returns: The secret; nil if that is not padded base64, or nothing.
    /// - Throws: `CryptographyError` if there is no locked memory.
    static func decode(
        _ text: Span<UInt8>,
        _ range: Range<Int>,
        skipping isSkipped: (UInt8) -> Bool = { _ in false }
    ) throws(CryptographyError) -> SecretBytes? {
        var isBase64 = true
        let secret = unsafe try SecretBytes(capacity: range.count / 4 * 3 + 3) { (target) throws(CryptographyError) in
            var written = 0
            var group: UInt32 = 0
            var characters = 0
            var padding = 0
            for index in range where !isSkipped(text[index]) {
                if text[index] == UInt8(ascii: "=") {
                    padding += 1
                } else if padding == 0, let value = sextet(text[index]) {
                    group = group << 6 | value
                    characters += 1
                    guard characters.isMultiple(of: 4) else { continue }
                    for shift in [16, 8, 0] as [UInt32] {
                        unsafe target[written] = UInt8(truncatingIfNeeded: group >> shift)
                        written += 1
                    }
                    group = 0
                } else {
                    isBase64 = false
                }
            }
            // What is left over after the last byte must be zero: one text for one secret.
            switch (characters % 4, padding) {
            case (0, 0): isBase64 = isBase64 && characters > 0
            case (2, 2) where group & 0xf == 0:
                unsafe target[written] = UInt8(truncatingIfNeeded: group >> 4)
                written += 1
            case (3, 1) where group & 0x3 == 0:
                unsafe target[written] = UInt8(truncatingIfNeeded: group >> 10)
                unsafe target[written + 1] = UInt8(truncatingIfNeeded: group >> 2)
                written += 2
            default: isBase64 = false
            }
            return written
        }
        guard isBase64 else { return nil }
        return secret
    }

    /// The same, of a text that is overwritten with `A`s where it stood, whatever it was.
    package static func take(_ range: Range<Int>, of body: inout [UInt8]) throws(CryptographyError) -> SecretBytes? {
        defer { for index in range { body[index] = UInt8(ascii: "A") } }
        return try decode(body.span, range)
    }

    /// Whether a byte is one of the 64 characters.
    package static func isInAlphabet(_ byte: UInt8) -> Bool { sextet(byte) != nil }

    private static func sextet(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
