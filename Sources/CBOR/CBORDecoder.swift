// SPDX-License-Identifier: Apache-2.0

/// What a decoder accepts at most. Every decoder of outside input names its own.
package struct CBORLimits: Sendable {
    /// Deeper nesting is refused whatever `depth` says: it bounds the stack of everything that walks a value.
    package static let maximumDepth = 256

    /// Bytes of the whole input.
    package var totalLength: Int
    /// Nested arrays, maps and tags; a scalar has depth 0.
    package var depth: Int
    /// Data items in all (a map entry counts two, a chunk of a string one).
    package var items: Int
    /// Bytes of one byte or text string.
    package var stringLength: Int

    package init(totalLength: Int, depth: Int, items: Int, stringLength: Int) {
        self.totalLength = totalLength
        self.depth = depth
        self.items = items
        self.stringLength = stringLength
    }
}

/// What a decoder lets pass beyond RFC 8949's deterministic encoding minus key order. All off by default.
package struct CBORLeniency: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let indefiniteLengthMaps = CBORLeniency(rawValue: 1 << 0)
    package static let indefiniteLengthArrays = CBORLeniency(rawValue: 1 << 1)
    package static let indefiniteLengthStrings = CBORLeniency(rawValue: 1 << 2)
    /// Integers, lengths, tags and floats in more bytes than needed; NaNs other than `f97e00`.
    package static let nonShortestForm = CBORLeniency(rawValue: 1 << 3)
    package static let tags = CBORLeniency(rawValue: 1 << 4)
    /// Floating-point numbers, `undefined` and simple values other than false, true and null.
    package static let floatsAndSimpleValues = CBORLeniency(rawValue: 1 << 5)

    package static let all: CBORLeniency = [
        .indefiniteLengthMaps, .indefiniteLengthArrays, .indefiniteLengthStrings, .nonShortestForm, .tags,
        .floatsAndSimpleValues,
    ]
}

/// Why input is not CBOR as accepted, and at which byte.
package struct CBORError: Error, Equatable, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case tooLong = "too-long"
        case tooDeep = "too-deep"
        case tooManyItems = "too-many-items"
        case stringTooLong = "string-too-long"
        case unexpectedEnd = "unexpected-end"
        case trailingBytes = "trailing-bytes"
        case malformed = "malformed"
        case indefiniteLength = "indefinite-length"
        case nonShortestForm = "non-shortest-form"
        case duplicateKey = "duplicate-key"
        case invalidUTF8 = "invalid-utf8"
        case unexpectedTag = "unexpected-tag"
        case unexpectedSimpleValue = "unexpected-simple-value"
    }

    package let code: Code
    /// Of the head of the item that is wrong; for an item that is missing, the end of the input.
    package let offset: Int

    package init(code: Code, offset: Int) {
        self.code = code
        self.offset = offset
    }
}

/// Strict decoding over libcbor's streaming decoder, which allocates nothing that the input only declares.
package enum CBORDecoder: Sendable {
    /// Decodes exactly one data item that fills `bytes`. Duplicate map keys are always refused.
    ///
    /// - Throws: `CBORError`, the first thing wrong from the start of the input on.
    package static func decode(
        _ bytes: [UInt8],
        limits: CBORLimits,
        allowing leniency: CBORLeniency = []
    ) throws(CBORError) -> CBORValue {
        guard bytes.count <= limits.totalLength else { throw CBORError(code: .tooLong, offset: limits.totalLength) }
        return try CBORMachine(input: bytes, limits: limits, leniency: leniency).run()
    }
}
