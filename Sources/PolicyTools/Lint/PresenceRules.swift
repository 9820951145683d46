// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

// Conditions on keys that a request does not have: positive operators are then false, negated ones true, and so are
// `…IfExists` and `ForAllValues:` (IAM User Guide, "Condition operators").

extension LintReport {
    mutating func checkPresence() {
        guard document.kind != .trust else { return }
        for statement in document.statements {
            for condition in statement.conditions where condition.conditionOperator != nil {
                guard let rule = condition.rule else { continue }
                if let reason = rule.absence {
                    reportNeverPresent(condition, statement, because: reason)
                } else if !condition.isNull {
                    checkActions(condition, rule, statement)
                    if statement.effect == .allow { checkTraps(condition, rule, statement) }
                }
            }
        }
    }

    private mutating func reportNeverPresent(
        _ condition: LintCondition,
        _ statement: LintStatement,
        because reason: String
    ) {
        let effect =
            switch (statement.effect, condition.holdsWithoutKey) {
            case (.deny, true): "this denies always"
            case (.deny, false): "this never denies"
            case (_, true): "the condition restricts nothing"
            case (_, false): "nothing is granted"
            }
        add(
            .keyNeverPresent,
            statement,
            path: condition.path,
            "No request to the broker has \(condition.key) (\(reason)): \(effect).",
            mend: "Take it out; in a policy of the broker restrict by principal, or by kms:RequestAlias and the like."
        )
    }

    /// Actions of the statement whose requests never have the key.
    private mutating func checkActions(
        _ condition: LintCondition,
        _ rule: ConditionKeyRule,
        _ statement: LintStatement
    ) {
        guard let having = rule.actions, let effect = statement.effect else { return }
        let covered = statement.covered()
        let without = covered.filter { !having.contains($0) }
        guard !without.isEmpty else { return }
        let holds = condition.holdsWithoutKey
        switch (effect, holds) {
        case (.allow, true): return  // Granted without it: what IfExists and negated operators are good for.
        case (.allow, false), (.deny, false):
            // A wildcard over everything means those that have it.
            guard !statement.isAboutAllActions || without.count == covered.count else { return }
        case (.deny, true): break
        }
        let names = list(without)
        let fault = condition.isAboutAttestation ? PolicyFault.attestationNeverPresent : .keyAbsentForAction
        let reason =
            condition.isAboutAttestation
            ? "Requests for \(names) take no Recipient, so never have \(condition.key)"
            : "Requests for \(names) never have \(condition.key)"
        switch (effect, holds) {
        case (.allow, _):
            add(
                fault,
                statement,
                path: condition.path,
                "\(reason): the statement does not grant them.",
                mend: condition.isAboutAttestation
                    ? "Take them out. Keys that sign inside an enclave must live in it: KMS cannot attest a Sign."
                    : "Put them in a statement of their own without this condition."
            )
        case (.deny, true):
            add(
                fault,
                statement,
                path: condition.path,
                "\(reason), and \(condition.name) holds without it: they are denied always.",
                mend: "If that is meant, put them in a Deny of their own without conditions; else take them out."
            )
        case (.deny, false):
            add(
                fault,
                statement,
                path: condition.path,
                "\(reason): the statement never denies them.",
                mend: "Put them in a Deny of their own without this condition."
            )
        }
    }

    /// Conditions of an Allow that hold when somebody leaves out what they ask about.
    private mutating func checkTraps(_ condition: LintCondition, _ rule: ConditionKeyRule, _ statement: LintStatement) {
        guard
            rule.name.hasPrefix("kms:"), !rule.isAlwaysThere, condition.holdsWithoutKey,
            !statement.requiresPresence(of: condition), statement.covered().contains(where: { rule.has($0) })
        else { return }
        let key = condition.key
        if condition.conditionOperator?.ifExists == true {
            add(
                .ifExistsInAllow,
                statement,
                path: condition.path,
                "\(condition.name) holds of a request without \(key): whoever leaves it out is let in.",
                mend: "Write \(condition.name.replacingSuffix("IfExists", with: ""))."
            )
        } else if condition.conditionOperator?.quantifier == .forAllValues {
            add(
                .forAllValuesInAllow,
                statement,
                path: condition.path,
                "ForAllValues: holds of a request without \(key): whoever leaves it out is let in.",
                mend: rule.isMultivalued
                    ? "Add \"Null\": {\"\(key)\": \"false\"} to the condition."
                    : "Leave out ForAllValues: the key has one value."
            )
        } else {
            add(
                .negatedInAllow,
                statement,
                path: condition.path,
                "\(condition.name) holds of a request without \(key): whoever leaves it out is let in.",
                mend: "Name what is allowed with a positive operator, or add \"Null\": {\"\(key)\": \"false\"}."
            )
        }
    }
}

extension ConditionKeyRule {
    func has(_ action: String) -> Bool { actions?.contains(action) ?? true }
}

extension String {
    fileprivate func replacingSuffix(_ suffix: String, with other: String) -> String {
        hasSuffix(suffix) ? dropLast(suffix.count) + other : self
    }
}

/// A few names, and how many more.
func list(_ names: [String], limit: Int = 4) -> String {
    let shown = names.prefix(limit).joined(separator: ", ")
    return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
}
