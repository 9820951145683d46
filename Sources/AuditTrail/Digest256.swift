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
            bytes[(index * 8)..<(index * 8 + 8)].reduce(0) { $0 << 8 | UInt64($1) }
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// Nil unless there are 64 digits, of either case.
    package init?(hex text: String) {
        guard text.utf8.count == Self.length * 2, let bytes = try? Hex.decode(text) else { return nil }
        self.init(bytes)
    }

    package var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
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
