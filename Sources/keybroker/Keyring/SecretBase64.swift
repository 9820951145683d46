// SPDX-License-Identifier: Apache-2.0

import Cryptography

/// Base64 (RFC 4648 section 4) of a secret: decoded from where it stands into locked memory, and overwritten there.
enum SecretBase64: Sendable {
    /// - Returns: The secret; nil if the text is empty or not padded base64. The text is overwritten with `A`s in any case.
    static func take(_ range: Range<Int>, of body: inout [UInt8]) throws(CryptographyError) -> SecretBytes? {
        let padding = range.suffix(2).reversed().prefix { body[$0] == UInt8(ascii: "=") }.count
        var decoded: [UInt8] = []
        decoded.reserveCapacity(range.count / 4 * 3)
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        var isBase64 = !range.isEmpty && range.count.isMultiple(of: 4)
        for (position, index) in range.enumerated() {
            let byte = body[index]
            body[index] = UInt8(ascii: "A")
            guard position < range.count - padding else { continue }
            guard let value = sextet(byte) else {
                isBase64 = false
                continue
            }
            accumulator = (accumulator << 6 | value) & 0xFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                decoded.append(UInt8(truncatingIfNeeded: accumulator >> bits))
            }
        }
        // What is left over after the last byte must be zero: one text for one secret.
        isBase64 = isBase64 && accumulator & ((1 << bits) - 1) == 0
        accumulator = 0
        guard isBase64 else {
            wipe(&decoded)
            return nil
        }
        return try SecretBytes(movingFrom: &decoded)
    }

    static func isInAlphabet(_ byte: UInt8) -> Bool { sextet(byte) != nil }

    private static func sextet(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
