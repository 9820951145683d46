// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding

// Names of actions, operators, condition keys and values, against what there is.

extension LintReport {
    private static let operators: [String] =
        [
            "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
            "StringNotLike", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Bool", "BinaryEquals", "IpAddress",
            "NotIpAddress", "Null",
        ]
        + ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"].flatMap {
            ["Numeric\($0)", "Date\($0)"]
        }

    mutating func checkNames() {
        guard document.kind != .trust else { return }
        for statement in document.statements {
            checkActions(statement)
            checkOperators(statement)
            for condition in statement.conditions where condition.rule == nil { checkKey(condition, statement) }
        }
    }

    private mutating func checkActions(_ statement: LintStatement) {
        for text in statement.actions.texts where text != "*" {
            let folded = text.lowercased()
            let isOurs = folded.hasPrefix("kms:") || folded.hasPrefix("keybroker:")
            if !isOurs, !folded.hasPrefix("*") {
                guard document.kind == .key else { continue }
                add(
                    .foreignAction,
                    statement,
                    path: statement.actions.path,
                    "\(quoted(text)) is no action on a key, so a key policy cannot grant it.",
                    mend: "Move it to an IAM policy, or take it out."
                )
                continue
            }
            let pattern = WildcardPattern(caseFolded(text))
            guard !PolicyVocabulary.actions.contains(where: { pattern.matches(caseFolded($0)) }) else {
                continue
            }
            let meant = NearestName.of(text, among: PolicyVocabulary.actions)
            add(
                .unknownAction,
                statement,
                path: statement.actions.path,
                "There is no action \(quoted(text)): the statement does nothing for it.",
                mend: meant == "kms:ReEncryptFrom"
                    ? "Write kms:ReEncryptFrom and kms:ReEncryptTo, or kms:ReEncrypt*."
                    : meant.map { "Write \($0)." } ?? "Take it out, or look it up in the list of KMS's actions."
            )
        }
    }

    private mutating func checkOperators(_ statement: LintStatement) {
        for member in statement.object["Condition"]?.object?.members ?? []
        where ConditionOperator(member.name) == nil {
            let suffix = member.name.hasSuffix("IfExists") ? "IfExists" : ""
            let prefix = ["ForAllValues:", "ForAnyValue:"].first(where: member.name.hasPrefix) ?? ""
            let base = String(member.name.dropFirst(prefix.count).dropLast(suffix.count))
            let meant = NearestName.of(base, among: Self.operators)
            add(
                .unknownOperator,
                statement,
                path: "\(statement.path).Condition.\(member.name)",
                "There is no condition operator \(quoted(member.name)): AWS refuses the policy.",
                mend: meant.map { $0 == "Null" ? "Write Null alone." : "Write \(prefix)\($0)\(suffix)." }
                    ?? "Write one of IAM's condition operators, such as StringEquals."
            )
        }
    }

    private mutating func checkKey(_ condition: LintCondition, _ statement: LintStatement) {
        let effect: String
        switch (statement.effect, condition.holdsWithoutKey) {
        case (.allow, false): effect = "the statement grants nothing"
        case (.allow, true): effect = "the statement grants as if the condition were not there"
        case (.deny, false): effect = "the statement denies nothing"
        case (.deny, true): effect = "the statement denies as if the condition were not there"
        case (nil, _): effect = "the condition says nothing"
        }
        let meant = NearestName.of(condition.key, among: PolicyVocabulary.keyNames)
        add(
            .unknownConditionKey,
            statement,
            path: condition.path,
            "There is no condition key \(quoted(condition.key)), so no request has it and \(effect).",
            mend: meant.map { "Write \($0)." } ?? "Take it out, or look it up in the list of KMS's condition keys."
        )
    }

    // MARK: Values

    mutating func checkValues() {
        for statement in document.statements {
            for condition in statement.conditions where condition.conditionOperator != nil && !condition.isNull {
                guard let rule = condition.rule else { continue }
                checkType(condition, rule, statement)
                checkQuantifier(condition, rule, statement)
                checkValues(condition, rule, statement)
            }
            checkCombination(statement)
        }
    }

    private mutating func checkType(_ condition: LintCondition, _ rule: ConditionKeyRule, _ statement: LintStatement) {
        guard rule.type == .string, let comparison = condition.conditionOperator?.comparison else { return }
        switch comparison {
        case .stringEquals, .stringEqualsIgnoreCase, .stringLike, .null: return
        case .arnLike, .bool, .numeric, .date, .binaryEquals, .ipAddress: break
        }
        add(
            .operatorType,
            statement,
            path: condition.path,
            "\(condition.key) is text, and \(condition.name) compares something else: the condition cannot hold.",
            mend: "Use \(condition.isAboutAttestation ? "StringEqualsIgnoreCase" : "StringEquals") or its negation."
        )
    }

    private mutating func checkQuantifier(
        _ condition: LintCondition,
        _ rule: ConditionKeyRule,
        _ statement: LintStatement
    ) {
        guard rule.isMultivalued, condition.conditionOperator?.quantifier == nil else { return }
        add(
            .missingQuantifier,
            statement,
            path: condition.path,
            "\(condition.key) has several values, and \(condition.name) without a set operator compares one.",
            mend: "Write ForAnyValue:\(condition.name), or ForAllValues: with a Null condition beside it."
        )
    }

    private mutating func checkValues(_ condition: LintCondition, _ rule: ConditionKeyRule, _ statement: LintStatement)
    {
        if rule.name == "kms:RequestAlias" || rule.name == "kms:ResourceAliases" {
            for value in condition.values where !value.hasPrefix("alias/") && !value.hasPrefix("*") {
                add(
                    .unknownValue,
                    statement,
                    path: condition.path,
                    "\(condition.key) is never \(quoted(value)): its values begin with alias/.",
                    mend: "Write alias/ and the name, neither an ARN nor the name alone."
                )
            }
        }
        guard !rule.values.isEmpty else { return }
        let names = rule.values.map(caseFolded)
        for value in condition.values where !value.contains("${") {
            let isKnown: Bool
            switch condition.conditionOperator?.comparison {
            case .stringEqualsIgnoreCase: isKnown = names.contains(caseFolded(value))
            case .stringLike:
                let pattern = WildcardPattern(value.unicodeScalars)
                isKnown = rule.values.contains { pattern.matches(Array($0.unicodeScalars)) }
            default: isKnown = rule.values.contains(value)
            }
            guard !isKnown else { continue }
            add(
                .unknownValue,
                statement,
                path: condition.path,
                "\(condition.key) is never \(quoted(value)).",
                mend: NearestName.of(value, among: rule.values).map { "Write \($0)." }
                    ?? "Write one of \(rule.values.joined(separator: ", "))."
            )
        }
    }

    /// An algorithm and a message type that KMS does not take together, in an Allow.
    private mutating func checkCombination(_ statement: LintStatement) {
        guard statement.effect == .allow else { return }
        func values(of key: String) -> [String]? {
            let found = statement.conditions {
                $0.rule?.name == key && $0.believes(in: .allow) && $0.conditionOperator?.comparison != .stringLike
            }
            return found.isEmpty ? nil : found.flatMap(\.values).map { $0.uppercased() }
        }
        guard let algorithms = values(of: "kms:SigningAlgorithm"), let types = values(of: "kms:MessageType") else {
            return
        }
        let needed = algorithms.map { $0 == "ED25519_SHA_512" ? "RAW" : $0 == "ED25519_PH_SHA_512" ? "DIGEST" : "" }
        guard !needed.contains(where: { $0.isEmpty || types.contains($0) }) else { return }
        add(
            .incompatibleValues,
            statement,
            path: "\(statement.path).Condition",
            "KMS takes \(algorithms.joined(separator: ", ")) with message type \(needed[0]) only: nothing is granted.",
            mend: "Write \"kms:MessageType\": \"\(needed[0])\"."
        )
    }
}

extension LintStatement {
    fileprivate func conditions(_ isWanted: (LintCondition) -> Bool) -> [LintCondition] { conditions.filter(isWanted) }
}
