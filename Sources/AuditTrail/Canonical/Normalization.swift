// SPDX-License-Identifier: Apache-2.0

import Encoding
// The standard library's own normalisation, which its strings compare by and its interface does not have yet. Foundation's on Linux
// gives other strings than Python and Node for some Hangul, and U+FFFD for some.
@_spi(_Unicode) import Swift

/// Unicode Normalization Form C (UAX #15), for the one form that has it.
enum Normalization: Sendable {
    static func nfc(_ text: String) -> String {
        // ASCII is its own normal form.
        guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
        var normalized = String.UnicodeScalarView()
        normalized.append(contentsOf: text._nfc)
        return String(normalized)
    }

    /// The members with their names normalised, not their values.
    ///
    /// - Throws: `equivalentNames` for two that become one: of them, one would not be hashed.
    static func nfc(_ members: [MemberOrder.Member]) throws(CanonicalFormError) -> [MemberOrder.Member] {
        var names: Set<[UInt8]> = []
        var normalized: [MemberOrder.Member] = []
        for (name, value) in members {
            let name = nfc(name)
            guard names.insert(Array(name.utf8)).inserted else { throw .equivalentNames }
            normalized.append((name, value))
        }
        return normalized
    }
}
