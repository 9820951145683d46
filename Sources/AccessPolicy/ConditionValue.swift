// SPDX-License-Identifier: Apache-2.0

import Encoding

/// A value of a condition, made ready for its operator when the policy is parsed.
enum ConditionValue: Sendable {
    /// Compared by Unicode scalars, not by Swift's canonical equivalence.
    case text([Unicode.Scalar])
    case foldedText([Unicode.Scalar])
    case pattern(WildcardPattern)
    /// The six fields of an ARN.
    case arn([WildcardPattern])
    case bool(Bool)
    case number(Double)
    case date(Timestamp)
    case bytes([UInt8])
    case addresses(AddressBlock)

    /// Nil if `text` is not what the operator compares, or has a policy variable.
    init?(_ text: String, comparison: ConditionOperator.Comparison, version: PolicyVersion) {
        switch comparison {
        case .stringEquals:
            guard let expanded = PolicyText.expand(text, version: version) else { return nil }
            self = .text(expanded.map(\.scalar))
        case .stringEqualsIgnoreCase:
            guard let expanded = PolicyText.expand(text, version: version) else { return nil }
            self = .foldedText(Self.folded(String(String.UnicodeScalarView(expanded.map(\.scalar)))))
        case .stringLike:
            guard let expanded = PolicyText.expand(text, version: version) else { return nil }
            self = .pattern(WildcardPattern(expanded))
        case .arnLike:
            guard let expanded = PolicyText.expand(text, version: version) else { return nil }
            let fields = expanded.split(separator: ":", maxSplits: 5) { $0.scalar == $1 }
            guard fields.count == 6, String(String.UnicodeScalarView(fields[0].map(\.scalar))) == "arn" else {
                return nil
            }
            self = .arn(fields.map(WildcardPattern.init))
        case .bool, .null:
            guard let bool = Self.bool(text) else { return nil }
            self = .bool(bool)
        case .numeric:
            guard let number = Self.number(text) else { return nil }
            self = .number(number)
        case .date:
            guard let date = Self.date(text) else { return nil }
            self = .date(date)
        case .binaryEquals:
            guard let bytes = try? Base64.decode(text) else { return nil }
            self = .bytes(bytes)
        case .ipAddress:
            guard let block = AddressBlock(text) else { return nil }
            self = .addresses(block)
        }
    }

    /// Lower case throughout, by Unicode's default mapping.
    static func folded(_ text: String) -> [Unicode.Scalar] {
        // What is ASCII, and that is nearly all, needs no tables.
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return Array(text.lowercased().unicodeScalars) }
        let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
        return text.utf8.map { Unicode.Scalar(capitals.contains($0) ? $0 | 0x20 : $0) }
    }

    static func bool(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true": true
        case "false": false
        default: nil
        }
    }

    /// A decimal number; no infinity, no hexadecimal.
    static func number(_ text: String) -> Double? {
        guard
            !text.isEmpty, text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let value = Double(text),
            value.isFinite
        else { return nil }
        return value
    }

    /// ISO 8601 as the W3C profile has it, a day alone, or seconds since the Unix epoch.
    static func date(_ text: String) -> Timestamp? {
        if let time = Timestamp(rfc3339: text) { return time }
        let isDay = text.utf8.count == 10 && text.utf8.dropFirst(4).first == UInt8(ascii: "-")
        if isDay { return Timestamp(rfc3339: text + "T00:00:00Z") }
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text).map(Timestamp.init(seconds:))
    }
}

extension Array {
    /// Splits at elements that equal a separator, empty parts included.
    fileprivate func split(
        separator: Unicode.Scalar,
        maxSplits: Int,
        _ isEqual: (Element, Unicode.Scalar) -> Bool
    ) -> [[Element]] {
        split(maxSplits: maxSplits, omittingEmptySubsequences: false) { isEqual($0, separator) }.map(Array.init)
    }
}
