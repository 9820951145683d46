// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Equality by Unicode scalars. Swift's `==` is by canonical equivalence, which JSON and CBOR do not know.
    package func hasSameScalars(as other: String) -> Bool {
        // Lengths differ far more often than not, and to know them no text is touched.
        utf8.count == other.utf8.count && utf8.span.equals(other.utf8.span)
    }
}

/// A string as a dictionary key, by its scalars.
///
/// The hash is over the bytes too: with the standard one, made over the normalised text, an attacker could choose any
/// number of different names that collide.
struct ScalarString: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: ScalarString, b: ScalarString) -> Bool { a.text.hasSameScalars(as: b.text) }

    func hash(into hasher: inout Hasher) {
        let isHashed: Void? = unsafe text.utf8.withContiguousStorageIfAvailable {
            unsafe hasher.combine(bytes: .init($0))
        }
        if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}
