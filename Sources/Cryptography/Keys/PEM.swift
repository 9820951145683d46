// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Textual encoding (RFC 7468) of public structures.
enum PEM: Sendable {
    private static let columns = 64

    static func encode(label: String, _ der: [UInt8]) -> String {
        var text = "-----BEGIN \(label)-----\n"
        var rest = Base64.encode(der)[...]
        while !rest.isEmpty {
            text += rest.prefix(columns) + "\n"
            rest = rest.dropFirst(columns)
        }
        return text + "-----END \(label)-----\n"
    }

    /// The one block of this label that `text` is, white space around it allowed; nil for anything else.
    static func decode(label: String, _ text: String) -> [UInt8]? {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
            .map { line in
                let start = line.drop { $0 == " " || $0 == "\t" }
                let blanks = start.reversed().prefix { $0 == " " || $0 == "\t" }.count
                return start.dropLast(blanks)
            }
            .filter { !$0.isEmpty }
        guard lines.count >= 3, lines[0] == "-----BEGIN \(label)-----",
            lines[lines.count - 1] == "-----END \(label)-----"
        else { return nil }
        return try? Base64.decode(lines.dropFirst().dropLast().joined())
    }
}
