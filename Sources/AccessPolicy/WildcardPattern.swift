// SPDX-License-Identifier: Apache-2.0

/// A text in which `*` stands for any characters, and `?` for one.
package struct WildcardPattern: Sendable {
    private enum Token: Equatable {
        case literal(Unicode.Scalar)
        case one
        case any
    }

    private let tokens: [Token]

    /// Compiles `text`, in which wildcards are wildcards.
    package init(_ text: some Sequence<Unicode.Scalar>) {
        self.init(text.map { ($0, false) })
    }

    /// Compiles characters, of which those that are marked literal are no wildcards.
    init(_ text: [(scalar: Unicode.Scalar, isLiteral: Bool)]) {
        var tokens: [Token] = []
        for (scalar, isLiteral) in text {
            switch (scalar, isLiteral) {
            case ("*", false):
                // Several in a row mean no more than one.
                if tokens.last != .any { tokens.append(.any) }
            case ("?", false): tokens.append(.one)
            default: tokens.append(.literal(scalar))
            }
        }
        self.tokens = tokens
    }

    /// At most tokens × characters steps, whatever the pattern: only the last `*` is ever tried again, because one that
    /// came earlier could not do better.
    package func matches(_ text: [Unicode.Scalar]) -> Bool {
        var token = 0
        var position = 0
        var retry: (token: Int, position: Int)?
        while position < text.count {
            if token < tokens.count, tokens[token] == .any {
                retry = (token, position)
                token += 1
            } else if token < tokens.count, Self.accepts(tokens[token], text[position]) {
                token += 1
                position += 1
            } else if let last = retry {
                retry = (last.token, last.position + 1)
                token = last.token + 1
                position = last.position + 1
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { $0 == .any }
    }

    private static func accepts(_ token: Token, _ scalar: Unicode.Scalar) -> Bool {
        switch token {
        case .literal(let expected): expected == scalar
        case .one: true
        case .any: false
        }
    }
}
