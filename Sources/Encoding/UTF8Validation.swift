// SPDX-License-Identifier: Apache-2.0

/// Where text stops being UTF-8 (RFC 3629): for error offsets, after the fast check said no.
enum UTF8Validation {
    /// The index of the first byte that begins no well-formed sequence; nil if all is well.
    static func firstInvalidOffset(in bytes: ArraySlice<UInt8>) -> Int? {
        var position = bytes.startIndex
        while position < bytes.endIndex {
            guard let length = sequenceLength(bytes[position...]) else { return position }
            position += length
        }
        return nil
    }

    /// The length of the well-formed sequence that `bytes` begins with (Unicode standard, table 3-7).
    private static func sequenceLength(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = bytes.first else { return nil }
        let rest = bytes.dropFirst()
        let second: ClosedRange<UInt8>
        let length: Int
        switch first {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard let next = rest.first, second.contains(next) else { return nil }
        let others = rest.dropFirst().prefix(length - 2)
        guard others.count == length - 2, others.allSatisfy({ (0x80...0xBF).contains($0) }) else { return nil }
        return length
    }
}
