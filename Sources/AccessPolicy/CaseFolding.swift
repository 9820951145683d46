// SPDX-License-Identifier: Apache-2.0

/// Lower case throughout, by Unicode's default mapping.
package func caseFolded(_ text: String) -> [Unicode.Scalar] {
    // What is ASCII, and that is nearly all, needs no tables.
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return Array(text.lowercased().unicodeScalars) }
    let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
    return text.utf8.map { Unicode.Scalar(capitals.contains($0) ? $0 | 0x20 : $0) }
}
