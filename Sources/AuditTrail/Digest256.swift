// SPDX-License-Identifier: Apache-2.0

import Encoding

/// A SHA-256 digest as a value that sets and dictionaries hold without an allocation of its own.
package struct Digest256: Hashable, Sendable {
    package static let length = 32
    private let words: (UInt64, UInt64, UInt64, UInt64)

    package static let zero = Digest256(words: (0, 0, 0, 0))

    private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Nil unless there are 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        func word(_ index: Int) -> UInt64 {
            var word: UInt64 = 0
            for byte in bytes[(index * 8)..<(index * 8 + 8)] { word = word << 8 | UInt64(byte) }
            return word
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// Nil unless there are 64 digits, of either case.
    package init?(hex text: String) {
        let digits = text.utf8.span
        guard digits.count == Self.length * 2 else { return nil }
        func word(_ index: Int) -> UInt64? {
            var word: UInt64 = 0
            for position in (index * 16)..<(index * 16 + 16) {
                guard let digit = Hex.value(ofDigit: digits[position]) else { return nil }
                word = word << 4 | UInt64(digit)
            }
            return word
        }
        guard let first = word(0), let second = word(1), let third = word(2), let fourth = word(3) else { return nil }
        words = (first, second, third, fourth)
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.length)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return bytes
    }

    package var hex: String { Hex.encode(bytes) }

    package static func == (a: Digest256, b: Digest256) -> Bool { a.words == b.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
