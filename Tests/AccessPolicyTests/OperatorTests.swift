// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Testing

/// Every condition operator, with a value of the policy, a request's value that equals it in the operator's sense, and
/// one that does not.
///
/// Expected is what the IAM User Guide says: "IAM JSON policy elements: Condition operators" for the operators, its
/// section "…IfExists condition operators" and "Evaluation logic for missing keys" for keys that a request lacks ("if the
/// key is not present, the operator is false; negated matching operators are true"), and "Multivalued context keys" for
/// the quantifiers.
struct OperatorTests {
    struct Operator: Sendable {
        let name: String
        let value: String
        let same: String
        let other: String
        let isNegated: Bool

        init(_ name: String, _ value: String, same: String, other: String, negated: Bool = false) {
            self.name = name
            self.value = value
            self.same = same
            self.other = other
            isNegated = negated
        }
    }

    static let operators: [Operator] = [
        .init("StringEquals", "aB", same: "aB", other: "ab"),
        .init("StringNotEquals", "aB", same: "aB", other: "ab", negated: true),
        .init("StringEqualsIgnoreCase", "aB", same: "Ab", other: "abc"),
        .init("StringNotEqualsIgnoreCase", "aB", same: "Ab", other: "abc", negated: true),
        .init("StringLike", "a*B?", same: "axyBz", other: "axyB"),
        .init("StringNotLike", "a*B?", same: "axyBz", other: "axyB", negated: true),
        .init("NumericEquals", "10", same: "10", other: "11"),
        .init("NumericNotEquals", "10", same: "10", other: "11", negated: true),
        .init("NumericLessThan", "10", same: "9", other: "10"),
        .init("NumericLessThanEquals", "10", same: "10", other: "11"),
        .init("NumericGreaterThan", "10", same: "11", other: "10"),
        .init("NumericGreaterThanEquals", "10", same: "10", other: "9"),
        .init("DateEquals", "2026-11-21T09:20:00Z", same: "2026-11-21T09:20:00Z", other: "2026-11-21T09:20:01Z"),
        .init(
            "DateNotEquals",
            "2026-11-21T09:20:00Z",
            same: "2026-11-21T09:20:00Z",
            other: "2026-11-21T09:20:01Z",
            negated: true
        ),
        .init("DateLessThan", "2026-11-21T09:20Z", same: "2026-11-21T09:19:59Z", other: "2026-11-21T09:20:00Z"),
        .init("DateLessThanEquals", "2026-11", same: "2026-11-01T00:00:00Z", other: "2026-11-01T00:00:01Z"),
        .init("DateGreaterThan", "2026", same: "2026-01-01T00:00:01Z", other: "2026-01-01T00:00:00Z"),
        .init("DateGreaterThanEquals", "1763715600", same: "2025-11-21T09:00:00Z", other: "2025-11-21T08:59:59Z"),
        .init("Bool", "true", same: "true", other: "false"),
        .init("BinaryEquals", "QmluYXJ5", same: "QmluYXJ5", other: "QmluYXJ6"),
        .init("IpAddress", "203.0.113.0/24", same: "203.0.113.9", other: "203.0.114.9"),
        .init("NotIpAddress", "203.0.113.0/24", same: "203.0.113.9", other: "203.0.114.9", negated: true),
        .init(
            "ArnEquals",
            "arn:aws:iam::*:role/a?",
            same: "arn:aws:iam::111122223333:role/ab",
            other: "arn:aws:iam::111122223333:role/a"
        ),
        .init(
            "ArnLike",
            "arn:aws:iam::*:role/a?",
            same: "arn:aws:iam::111122223333:role/ab",
            other: "arn:aws:iam::111122223333:role/a"
        ),
        .init(
            "ArnNotEquals",
            "arn:aws:iam::*:role/a?",
            same: "arn:aws:iam::111122223333:role/ab",
            other: "arn:aws:iam::111122223333:role/a",
            negated: true
        ),
        .init(
            "ArnNotLike",
            "arn:aws:iam::*:role/a?",
            same: "arn:aws:iam::111122223333:role/ab",
            other: "arn:aws:iam::111122223333:role/a",
            negated: true
        ),
    ]

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let value: String
        let present: [String]
        let isMet: Bool

        var testDescription: String { "\(name) \(value) on \(present) is \(isMet)" }
    }

    static let single: [Case] = operators.flatMap { op in
        ["", "IfExists"].flatMap { suffix in
            [
                Case(name: op.name + suffix, value: op.value, present: [op.same], isMet: !op.isNegated),
                Case(name: op.name + suffix, value: op.value, present: [op.other], isMet: op.isNegated),
                Case(name: op.name + suffix, value: op.value, present: [], isMet: op.isNegated || suffix != ""),
            ]
        }
    }

    /// "ForAllValues: true if every value in the request matches at least one in the policy, and if there is none";
    /// "ForAnyValue: true if at least one value in the request matches, false if there is none".
    static let several: [Case] = operators.flatMap { op in
        func cases(_ quantifier: String, both: Bool, one: Bool, neither: Bool, none: Bool) -> [Case] {
            let name = quantifier + op.name
            return [
                Case(name: name, value: op.value, present: [op.same, op.same], isMet: op.isNegated ? neither : both),
                Case(name: name, value: op.value, present: [op.other, op.same], isMet: one),
                Case(name: name, value: op.value, present: [op.other, op.other], isMet: op.isNegated ? both : neither),
                Case(name: name, value: op.value, present: [], isMet: none),
                Case(name: name + "IfExists", value: op.value, present: [], isMet: true),
            ]
        }
        return cases("ForAllValues:", both: true, one: false, neither: false, none: true)
            + cases("ForAnyValue:", both: true, one: true, neither: false, none: false)
    }

    @Test(arguments: single + several)
    func `an operator is met where the guide says so, by an Allow and by a Deny`(_ example: Case) throws {
        let condition = #"{"\#(example.name)":{"kms:Key":"\#(example.value)"}}"#
        let keys = ["KMS:key": example.present]
        let allow = policy(statement("Allow", principal: #""*""#, condition: condition))
        #expect(try decide(key: allow, keys: keys) == (example.isMet ? .allowed : .implicitDeny(.keyPolicy)))
        let deny = policy(
            statement("Allow", principal: #""*""#),
            statement("Deny", principal: #""*""#, condition: condition)
        )
        #expect(try decide(key: deny, keys: keys) == (example.isMet ? .explicitDeny(.keyPolicy) : .allowed))
    }

    /// "If your policy has multiple values for a key, they are evaluated with OR; for negated matching operators with NOR"
    /// (IAM User Guide, "Conditions with multiple context keys or values").
    @Test(arguments: operators)
    func `several values are alternatives, and for a negated operator none may match`(_ op: Operator) throws {
        // A value that matches neither of the two in the request.
        let never: String =
            switch op.name.drop(while: \.isLowercase) {
            case let name where name.contains("Numeric"): name.contains("Less") ? "-1" : "99"
            case let name where name.contains("Date"): name.contains("Less") ? "1999" : "2999"
            case let name where name.contains("Ip"): "198.51.100.1"
            case let name where name.contains("Arn"): "arn:aws:sts::*:x"
            case let name where name.contains("Binary"): "AAAA"
            case let name where name.contains("Bool"): "true"
            default: "never"
            }
        let condition = #"{"\#(op.name)":{"kms:Key":["\#(never)","\#(op.value)"]}}"#
        let allow = policy(statement("Allow", principal: #""*""#, condition: condition))
        for (value, matches) in [(op.same, true), (op.other, false)] {
            let expected: AccessDecision = matches != op.isNegated ? .allowed : .implicitDeny(.keyPolicy)
            #expect(try decide(key: allow, keys: ["kms:Key": [value]]) == expected, "\(op.name) \(value)")
        }
    }
}
