// SPDX-License-Identifier: Apache-2.0

/// A text of a policy with its policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'everyone'}`, and the
/// escapes `${*}`, `${?}` and `${$}` (IAM User Guide, "IAM policy elements: Variables and tags").
///
/// What a variable stands for has no wildcards: a `*` in its value is the character.
package struct PolicyTemplate: Sendable {
    /// A character, and whether it can be no wildcard.
    typealias Character = (scalar: Unicode.Scalar, isLiteral: Bool)

    enum Resolution {
        case text([Character])
        /// A variable without default has no value in this request.
        case noValue
        /// A variable names a key of several values; AWS allows variables of single-valued keys only.
        case severalValues
    }

    private enum Piece: Sendable {
        case character(Unicode.Scalar, isLiteral: Bool)
        /// `key` is folded.
        case variable(key: [Unicode.Scalar], fallback: [Unicode.Scalar]?)
    }

    private let pieces: [Piece]

    /// Nil if something that begins like a variable is none. Version 2008-10-17 has no variables: all is plain text.
    package init?(_ text: String, version: PolicyVersion) {
        guard version == .v2012 else {
            pieces = text.unicodeScalars.map { .character($0, isLiteral: false) }
            return
        }
        var pieces: [Piece] = []
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "$", rest.first == "{" else {
                pieces.append(.character(scalar, isLiteral: false))
                continue
            }
            rest.removeFirst()
            guard let piece = Self.variable(&rest) else { return nil }
            pieces.append(piece)
        }
        self.pieces = pieces
    }

    /// What stands after `${`, up to and including `}`.
    private static func variable(_ rest: inout Substring.UnicodeScalarView) -> Piece? {
        let name = Array(rest.prefix { $0 != "}" && $0 != "," })
        rest = rest.dropFirst(name.count)
        if name.count == 1, ["*", "?", "$"].contains(name[0]) {
            return rest.popFirst() == "}" ? .character(name[0], isLiteral: true) : nil
        }
        // Every condition key has a prefix: `aws:`, `kms:`.
        guard name.contains(":"), !name.contains(where: { ["$", "{", "'", "*", "?"].contains($0) }) else { return nil }
        let key = caseFolded(String(String.UnicodeScalarView(name)))
        if rest.popFirst() == "}" { return .variable(key: key, fallback: nil) }
        // After the comma: a space, and the default in single quotes.
        guard rest.popFirst() == " ", rest.popFirst() == "'" else { return nil }
        let fallback = Array(rest.prefix { $0 != "'" })
        rest = rest.dropFirst(fallback.count)
        guard rest.popFirst() == "'", rest.popFirst() == "}" else { return nil }
        return .variable(key: key, fallback: fallback)
    }

    /// The condition keys that its variables name, folded.
    var variables: [[Unicode.Scalar]] {
        pieces.compactMap { if case .variable(let key, _) = $0 { key } else { nil } }
    }

    /// The text, if it is the same for every request.
    var constant: [Character]? {
        var text: [Character] = []
        for piece in pieces {
            guard case .character(let scalar, let isLiteral) = piece else { return nil }
            text.append((scalar, isLiteral))
        }
        return text
    }

    /// The text for a request, given the values of its condition keys by their folded names.
    func resolved(_ values: ([Unicode.Scalar]) -> [String]) -> Resolution {
        var text: [Character] = []
        for piece in pieces {
            switch piece {
            case .character(let scalar, let isLiteral): text.append((scalar, isLiteral))
            case .variable(let key, let fallback):
                let values = values(key)
                guard values.count <= 1 else { return .severalValues }
                guard let value = values.first.map({ Array($0.unicodeScalars) }) ?? fallback else { return .noValue }
                text += value.map { ($0, true) }
            }
        }
        return .text(text)
    }
}
