// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding

/// One key under one operator, as written.
struct LintCondition: Sendable {
    /// `StringEqualsIfExists`
    let name: String
    /// Nil if there is no such operator.
    let conditionOperator: ConditionOperator?
    let key: String
    let values: [String]
    let path: String
    /// What is known of the key; nil for one that does not exist.
    let rule: ConditionKeyRule?

    init(name: String, key: String, _ value: JSON, path: String) {
        self.name = name
        self.key = key
        self.path = path
        conditionOperator = ConditionOperator(name)
        rule = PolicyVocabulary.rule(forKey: key)
        values = (value.array ?? [value]).compactMap { element in
            switch element {
            case .string(let text): text
            case .bool(let bool): bool ? "true" : "false"
            case .number(let number): number.text
            default: nil
            }
        }
    }

    var foldedKey: String { key.lowercased() }
    var isAboutAttestation: Bool { rule?.name == PolicyVocabulary.attestation }
    var isNull: Bool { conditionOperator?.comparison == .null }

    /// Whether it holds of a request without the key. An operator that does not exist holds of nothing.
    var holdsWithoutKey: Bool {
        guard let conditionOperator else { return false }
        if isNull { return values.contains { $0.lowercased() == "true" } }
        if conditionOperator.ifExists { return true }
        switch conditionOperator.quantifier {
        case .forAllValues: return true
        case .forAnyValue: return false
        case nil: return conditionOperator.isNegated
        }
    }

    /// Whether it holds of a request that has the key, with a value that the policy does not name.
    var holdsOfOtherValue: Bool {
        guard let conditionOperator else { return false }
        if isNull { return values.contains { $0.lowercased() == "false" } }
        let takesAny = conditionOperator.comparison == .stringLike && values.contains { $0.allSatisfy { $0 == "*" } }
        return conditionOperator.isNegated != takesAny
    }

    /// Whether the statement applies to a request that has one of the values, an Allow to let it through, a Deny to
    /// spare it: what the policy believes in.
    func believes(in effect: Statement.Effect?) -> Bool {
        guard let conditionOperator, !isNull else { return false }
        return conditionOperator.isNegated == (effect == .deny)
    }
}

extension LintStatement {
    /// Whether the statement asks elsewhere that the key is there (`Null`: false).
    func requiresPresence(of condition: LintCondition) -> Bool {
        conditions.contains { other in
            other.isNull && other.foldedKey == condition.foldedKey && !other.holdsWithoutKey
        }
    }

    /// Whether the Deny applies to all requests without attestation: nothing else has to hold.
    var deniesWithoutAttestation: Bool {
        conditions.allSatisfy { $0.isAboutAttestation && $0.holdsWithoutKey }
    }

    /// The same for an attestation of which nothing is as the policy has it.
    var deniesOtherAttestation: Bool {
        conditions.allSatisfy { $0.isAboutAttestation && $0.holdsOfOtherValue }
    }

    /// Whether the Allow may apply to a request without attestation.
    var allowsWithoutAttestation: Bool { attestationConditions.allSatisfy(\.holdsWithoutKey) }
}
