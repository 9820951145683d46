// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

// Whether a condition of a key policy is a gate. Allows are OR-ed: a conditioned one beside an unconditioned one gates
// nothing, and the account's root stands for all IAM policies of the account. Only a Deny is a gate.

extension LintReport {
    mutating func checkEnforcement() {
        let gates = document.statements.filter { !$0.attestationConditions.isEmpty }
        let gated = PolicyVocabulary.secret.filter { action in gates.contains { $0.covers(action) } }
        var isOpen = false
        for statement in document.allows { isOpen = check(statement, gated: gated) || isOpen }
        let misses = checkDenies(gated)
        if !isOpen, !misses { checkForDeny(gated) }
        for statement in document.allows {
            checkUse(statement, gated: gated)
            checkGrants(statement)
            checkOtherConditions(statement)
        }
    }

    /// Who is let in past the attestation; whether anybody is.
    private mutating func check(_ statement: LintStatement, gated: [String]) -> Bool {
        // One with a condition on it, if it holds without attestation, is a trap and reported as such.
        guard statement.attestationConditions.isEmpty, let principals = statement.principals else { return false }
        let granted = gated.filter(statement.covers)
        let open = granted.filter { !isDenied($0, to: principals, by: \.deniesWithoutAttestation) }
        if !open.isEmpty {
            add(
                .attestationNotEnforced,
                statement,
                "\(openness(of: statement)) \(list(open)) without attestation: the condition elsewhere is no gate.",
                mend: "Add a Deny of \(list(open)) for Principal \"*\" with StringNotEqualsIgnoreCase on "
                    + "kms:RecipientAttestation:ImageSha384, and one each for further PCRs."
            )
            return true
        }
        let toOthers = granted.filter { !isDenied($0, to: principals, by: \.deniesOtherAttestation) }
        if !toOthers.isEmpty {
            add(
                .denyOnlyAbsence,
                statement,
                "\(openness(of: statement)) \(list(toOthers)) to any enclave: the Deny asks only for an attestation.",
                mend: "Deny with StringNotEqualsIgnoreCase on kms:RecipientAttestation:ImageSha384: that covers both."
            )
            return true
        }
        if gated.contains("kms:Decrypt"), statement.covers("kms:ReEncryptFrom"),
            !isDenied("kms:ReEncryptFrom", to: principals, by: \.deniesWithoutAttestation)
        {
            add(
                .reEncryptOpen,
                statement,
                "\(openness(of: statement)) kms:ReEncryptFrom: what Decrypt is gated for can be moved to another key, "
                    + "and decrypted there.",
                mend: "Deny kms:ReEncrypt* to Principal \"*\"."
            )
        }
        return false
    }

    private func openness(of statement: LintStatement) -> String {
        let isOfAccount = statement.principals.map { !$0.accounts.isEmpty && $0.others.isEmpty } ?? false
        return isOfAccount ? "This lets any IAM policy of the account allow" : "This allows"
    }

    private func isDenied(
        _ action: String,
        to principals: LintPrincipals,
        by reaches: (LintStatement) -> Bool
    ) -> Bool {
        document.denies.contains { deny in
            deny.covers(action) && deny.principals?.cover(principals) == true && reaches(deny)
        }
    }

    // MARK: Deny

    /// Denies that fail open; whether one of them misses absent attestation.
    private mutating func checkDenies(_ gated: [String]) -> Bool {
        var misses = false
        for statement in document.denies {
            let covered = gated.filter(statement.covers)
            guard !covered.isEmpty else { continue }
            let others = document.denies.filter { other in
                other.index != statement.index && covered.allSatisfy(other.covers)
            }
            let isOnlyAboutAttestation = statement.conditions.allSatisfy(\.isAboutAttestation)
            if isOnlyAboutAttestation, statement.deniesOtherAttestation, !statement.deniesWithoutAttestation,
                !others.contains(where: \.deniesWithoutAttestation)
            {
                misses = true
                add(
                    .denyMissesAbsence,
                    statement,
                    "This denies wrong attestations, and not their absence: without Recipient the condition is false.",
                    mend: "Leave out ForAnyValue: and Null: a plain StringNotEqualsIgnoreCase holds without the key."
                )
            }
            let negated = statement.attestationConditions.filter { $0.conditionOperator?.isNegated == true }
            let keys = Set(negated.map(\.foldedKey))
            let isCoveredApart = keys.allSatisfy { key in
                others.contains { other in
                    other.conditions.count == 1 && other.conditions.allSatisfy { $0.foldedKey == key }
                        && other.deniesOtherAttestation
                }
            }
            if keys.count > 1, !isCoveredApart {
                add(
                    .denyConditionsANDed,
                    statement,
                    path: "\(statement.path).Condition",
                    "Keys of one Condition are ANDed: this denies only when all \(keys.count) measurements are wrong, "
                        + "so one that is right lets the others be anything.",
                    mend: "One Deny for each key."
                )
            }
        }
        return misses
    }

    /// An Allow that is the only gate.
    private mutating func checkForDeny(_ gated: [String]) {
        let gate = document.allows.first { statement in
            !statement.attestationConditions.isEmpty
                && gated.contains { action in
                    statement.covers(action)
                        && !document.denies.contains { $0.covers(action) && $0.deniesWithoutAttestation }
                }
        }
        guard let gate else { return }
        add(
            .noAttestationDeny,
            gate,
            "The conditions of this Allow are the only gate: any further Allow, here or in a grant, goes past it.",
            mend: "Add a Deny for Principal \"*\" with StringNotEqualsIgnoreCase, which holds without attestation too."
        )
    }

    // MARK: Use and grants

    /// Actions that open what was wrapped, for whoever calls, in a policy that does not gate them at all.
    private mutating func checkUse(_ statement: LintStatement, gated: [String]) {
        guard statement.attestationConditions.isEmpty, !statement.isAboutAllActions else { return }
        let open = PolicyVocabulary.opening.filter { action in
            guard statement.covers(action), !gated.contains(action) else { return false }
            return statement.principals.map { !isDenied(action, to: $0, by: \.deniesWithoutAttestation) } ?? true
        }
        reportUnattested(open, statement)
    }

    mutating func reportUnattested(_ actions: [String], _ statement: LintStatement) {
        guard !actions.isEmpty else { return }
        add(
            .unattestedDecrypt,
            statement,
            "This allows \(list(actions)) without attestation: the answer goes in clear to whoever has the credentials.",
            mend: "If an enclave is to have it alone, add StringEqualsIgnoreCase on "
                + "kms:RecipientAttestation:ImageSha384, and gate the key policy with a Deny."
        )
    }

    private static let grantKeys: Set<String> = [
        "kms:GrantIsForAWSResource", "kms:GrantOperations", "kms:GranteePrincipal", "kms:GrantConstraintType",
        "kms:ViaService",
    ]

    mutating func checkGrants(_ statement: LintStatement) {
        guard statement.covers("kms:CreateGrant"), !statement.isAboutAllActions else { return }
        if let principals = statement.principals {
            guard !principals.others.isEmpty || principals.isAnyone else { return }
            guard !isDenied("kms:CreateGrant", to: principals, by: { $0.conditions.isEmpty }) else { return }
        }
        guard !statement.conditions.contains(where: { Self.grantKeys.contains($0.rule?.name ?? "") }) else { return }
        add(
            .grantsOpen,
            statement,
            "kms:CreateGrant without conditions hands any use of the key to anybody; only a Deny stops a grant.",
            mend: "Take it out (kms:Create* contains it), or restrict it by kms:GrantIsForAWSResource or "
                + "kms:GrantOperations."
        )
    }

    // MARK: Other conditions

    /// A condition on the request, to one role, that the account's IAM policies can do without.
    private mutating func checkOtherConditions(_ statement: LintStatement) {
        guard let principals = statement.principals, !principals.others.isEmpty else { return }
        let conditions = statement.conditions.filter { condition in
            guard condition.conditionOperator != nil, let rule = condition.rule else { return false }
            guard !condition.isAboutAttestation else { return false }
            return rule.name.hasPrefix("kms:") && rule.actions != nil && rule.name != "kms:CallerAccount"
                && rule.absence == nil && !Self.grantKeys.contains(rule.name)
        }
        for condition in conditions {
            let actions = statement.covered().filter { condition.rule?.has($0) ?? false }
            let account = document.allows.first { other in
                other.conditions.isEmpty && other.principals?.accounts.isEmpty == false
                    && actions.contains(where: other.covers)
            }
            let isDenied = document.denies.contains { deny in
                actions.allSatisfy(deny.covers)
                    && (deny.conditions.isEmpty || deny.conditions.contains { $0.foldedKey == condition.foldedKey })
            }
            guard let account, !isDenied else { continue }
            add(
                .conditionNotEnforced,
                statement,
                path: condition.path,
                "\(condition.key) restricts this statement only: by \(name(of: account)) an IAM policy of the account "
                    + "can grant the same without it.",
                mend: "If it is a rule and not a default, add a Deny with the negated operator."
            )
        }
    }

    private func name(of statement: LintStatement) -> String {
        statement.sid.map { "statement \(statement.index) (\(quoted($0)))" } ?? "statement \(statement.index)"
    }
}
