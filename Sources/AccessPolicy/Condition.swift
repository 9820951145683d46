// SPDX-License-Identifier: Apache-2.0

import Encoding

/// What a condition says of a request.
enum ConditionOutcome: Sendable {
    case met
    case notMet
    /// AWS does not say, or the request's value is not of the operator's type: an Allow does not apply, a Deny does.
    case unclear

    init(_ isMet: Bool) { self = isMet ? .met : .notMet }

    var negated: ConditionOutcome {
        switch self {
        case .met: .notMet
        case .notMet: .met
        case .unclear: .unclear
        }
    }

    static func all(_ outcomes: some Sequence<ConditionOutcome>) -> ConditionOutcome {
        var result = ConditionOutcome.met
        for outcome in outcomes {
            switch outcome {
            case .met: break
            case .notMet: return .notMet
            case .unclear: result = .unclear
            }
        }
        return result
    }

    static func any(_ outcomes: some Sequence<ConditionOutcome>) -> ConditionOutcome {
        all(outcomes.lazy.map(\.negated)).negated
    }
}

/// One key under one operator, with the values of the policy.
struct Condition: Sendable {
    let conditionOperator: ConditionOperator
    /// Folded: names of keys have no case.
    let key: [Unicode.Scalar]
    let values: [ConditionValue]

    /// Tests the request's values of the key.
    func evaluate(_ facts: RequestFacts) -> ConditionOutcome {
        let present = facts.values(of: key)
        if conditionOperator.comparison == .null {
            return ConditionOutcome(values.contains { if case .bool(present.isEmpty) = $0 { true } else { false } })
        }
        if present.isEmpty { return outcomeWithoutKey }
        switch conditionOperator.quantifier {
        case .forAllValues: return .all(present.lazy.map { test($0, facts) })
        case .forAnyValue: return .any(present.lazy.map { test($0, facts) })
        case nil:
            // Single-valued operators on several values: AWS wants a quantifier there.
            guard present.count == 1 else { return .unclear }
            return test(present[0], facts)
        }
    }

    /// A missing key (IAM User Guide, "Condition operators", "…IfExists", "Multivalued context keys").
    private var outcomeWithoutKey: ConditionOutcome {
        if conditionOperator.ifExists { return .met }
        switch conditionOperator.quantifier {
        case .forAllValues: return .met
        case .forAnyValue: return .notMet
        case nil: return ConditionOutcome(conditionOperator.isNegated)
        }
    }

    /// One value of the request against the policy's: any of them, or for a negated operator none of them.
    private func test(_ value: String, _ facts: RequestFacts) -> ConditionOutcome {
        let isMatched = ConditionOutcome.any(values.lazy.map { compare(value, $0, facts) })
        return conditionOperator.isNegated ? isMatched.negated : isMatched
    }

    private func compare(_ value: String, _ expected: ConditionValue, _ facts: RequestFacts) -> ConditionOutcome {
        switch expected {
        case .text(let text): return ConditionOutcome(value.unicodeScalars.elementsEqual(text))
        case .foldedText(let text): return ConditionOutcome(caseFolded(value) == text)
        case .pattern(let pattern): return ConditionOutcome(pattern.matches(Array(value.unicodeScalars)))
        case .arn(let fields):
            let parts = value.unicodeScalars.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
            guard parts.count == fields.count else { return .notMet }
            return ConditionOutcome(zip(fields, parts).allSatisfy { $0.matches(Array($1)) })
        case .bool(let bool):
            guard let present = ConditionValue.bool(value) else { return .unclear }
            return ConditionOutcome(present == bool)
        case .number(let number):
            guard let present = ConditionValue.number(value), case .numeric(let order) = conditionOperator.comparison
            else { return .unclear }
            return ConditionOutcome(order.holds(present, number))
        case .date(let date):
            guard let present = ConditionValue.date(value), case .date(let order) = conditionOperator.comparison
            else { return .unclear }
            return ConditionOutcome(order.holds(present, date))
        case .bytes(let bytes):
            guard let present = try? Base64.decode(value) else { return .unclear }
            return ConditionOutcome(present == bytes)
        case .addresses(let block):
            guard let present = AddressBlock.address(value) else { return .unclear }
            return ConditionOutcome(block.contains(present))
        case .template(let template):
            switch template.resolved(facts.values) {
            case .text(let text):
                guard let expected = ConditionValue(text, comparison: conditionOperator.comparison) else {
                    return .notMet
                }
                return compare(value, expected, facts)
            // "There is no equal or like value" (IAM User Guide, "Policy variables with no value").
            case .noValue: return .notMet
            case .severalValues: return .unclear
            }
        }
    }
}
