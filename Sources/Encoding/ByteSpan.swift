// SPDX-License-Identifier: Apache-2.0

// Comparisons of bytes where they are: what runs for each request makes no strings of them.

extension Span where Element == UInt8 {
    package func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }

    package func equals(string text: String) -> Bool { equals(text.utf8.span) }

    /// `text` is ASCII.
    package func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && hasPrefix(text)
    }

    /// `text` is ASCII.
    package func hasPrefix(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return false }
        // Below the constant's length, which was just read.
        for index in 0..<length where unsafe self[index] != text.utf8Start[index] { return false }
        return true
    }

    /// Shorter before longer where one begins the other.
    package func precedes(_ other: Span<UInt8>) -> Bool {
        for index in 0..<Swift.min(count, other.count) where self[index] != other[index] {
            return self[index] < other[index]
        }
        return count < other.count
    }
}
