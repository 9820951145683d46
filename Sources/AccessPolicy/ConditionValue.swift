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
    /// A text with policy variables; for operators on strings and ARNs (IAM User Guide, "Where you can use policy
    /// variables").
    case template(PolicyTemplate)

    /// Nil if `text` is not what the operator compares, or has a policy variable where none may be.
    init?(_ text: String, comparison: ConditionOperator.Comparison, version: PolicyVersion) {
        switch comparison {
        case .stringEquals, .stringEqualsIgnoreCase, .stringLike, .arnLike:
            guard let template = PolicyTemplate(text, version: version) else { return nil }
            guard let constant = template.constant else {
                self = .template(template)
                return
            }
            guard let value = Self(constant, comparison: comparison) else { return nil }
            self = value
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

    /// Of a text without variables, or in which they were replaced; nil if the operator cannot compare it.
    init?(_ text: [PolicyTemplate.Character], comparison: ConditionOperator.Comparison) {
        switch comparison {
        case .stringEquals: self = .text(text.map(\.scalar))
        case .stringEqualsIgnoreCase:
            self = .foldedText(caseFolded(String(String.UnicodeScalarView(text.map(\.scalar)))))
        case .stringLike: self = .pattern(WildcardPattern(text))
        case .arnLike:
            let fields = text.split(maxSplits: 5, omittingEmptySubsequences: false) { $0.scalar == ":" }.map(Array.init)
            guard fields.count == 6, String(String.UnicodeScalarView(fields[0].map(\.scalar))) == "arn" else {
                return nil
            }
            self = .arn(fields.map(WildcardPattern.init))
        default: return nil
        }
    }

    /// The condition keys that its variables name, folded.
    var variables: [[Unicode.Scalar]] { if case .template(let template) = self { template.variables } else { [] } }

    /// Whether ``caseFolded(_:)`` of `text` is `expected`.
    static func folds(_ text: String, to expected: [Unicode.Scalar]) -> Bool {
        let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
        var position = 0
        var isEqual = text.utf8.count == expected.count
        for byte in text.utf8 {
            guard byte < 0x80 else { return caseFolded(text) == expected }
            guard isEqual else { continue }
            isEqual = Unicode.Scalar(capitals.contains(byte) ? byte | 0x20 : byte) == expected[position]
            position += 1
        }
        return isEqual
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

    /// ISO 8601 in the forms of the W3C profile (`2026`, `2026-11`, `2026-11-21`, `2026-11-21T09:20Z`, with seconds, with
    /// a fraction), or seconds since the Unix epoch. Four digits are a year.
    static func date(_ text: String) -> Timestamp? {
        if let time = Timestamp(rfc3339: text) { return time }
        switch text.utf8.count {
        case 4: return Timestamp(rfc3339: text + "-01-01T00:00:00Z")
        case 7 where text.utf8.contains(UInt8(ascii: "-")): return Timestamp(rfc3339: text + "-01T00:00:00Z")
        case 10 where text.utf8.contains(UInt8(ascii: "-")): return Timestamp(rfc3339: text + "T00:00:00Z")
        // Seconds are left out: hours and minutes end after 16 characters, the zone follows.
        case 17...,
            16 where text.utf8.dropFirst(10).first == UInt8(ascii: "T"):
            return Timestamp(rfc3339: text.prefix(16) + ":00" + text.dropFirst(16))
        default: break
        }
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text).map(Timestamp.init(seconds:))
    }
}
