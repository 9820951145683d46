// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

// Who is named, and which keys.

extension LintReport {
    /// Keys that say whose request it is.
    private static let callerKeys = [
        "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalTag/",
        "kms:CallerAccount",
    ]

    mutating func checkPrincipals() {
        for statement in document.statements {
            guard let principals = statement.principals else { continue }
            if principals.isNegated {
                add(
                    .notPrincipal,
                    statement,
                    path: principals.path,
                    "NotPrincipal spares a session only if its role, its session and its account are all named.",
                    mend: "Use Principal \"*\" with ArnNotEquals on aws:PrincipalArn."
                )
            }
            guard statement.effect == .allow, !principals.isNegated else { continue }
            let isLimited = statement.conditions.contains { condition in
                Self.callerKeys.contains(condition.rule?.name ?? "") && !condition.holdsWithoutKey
            }
            if principals.isAnyone, !isLimited {
                add(
                    .wildcardPrincipal,
                    statement,
                    path: principals.path,
                    "Principal \"*\" is anybody in any AWS account.",
                    mend: "Name the roles, or add StringEquals on aws:PrincipalAccount."
                )
            } else if statement.isAboutAllActions, !principals.others.isEmpty {
                reportAllActions(statement)
            }
        }
    }

    private mutating func reportAllActions(_ statement: LintStatement) {
        add(
            .allActions,
            statement,
            path: statement.actions.path,
            statement.actions.isNegated
                ? "NotAction in an Allow grants everything else, what AWS adds later too."
                : "This grants every action, to use the key and to change or delete it.",
            mend: "Name the actions that are needed: those who use a key should not administer it."
        )
    }

    /// Whether anybody at all can still change the policy, by the evaluator itself.
    mutating func checkLockOut(_ policy: PolicyDocument) {
        let callers = document.allows.flatMap { $0.principals?.aws ?? [] }
        let isAnyoneNamed = document.allows.contains { $0.principals?.isAnyone ?? false }
        // Somebody of whom no statement speaks by name.
        let strangers = isAnyoneNamed ? ["arn:aws:iam::000000000000:user/anyone"] : []
        let canChange = (callers + strangers).contains { caller in
            let arn = PrincipalARN.isAccount(caller) ? "arn:aws:iam::\(caller):root" : caller
            guard let account = PrincipalARN(arn)?.account else { return false }
            let request = AccessRequest(
                principal: arn,
                principalAccount: account,
                action: "kms:PutKeyPolicy",
                resource: "*",
                resourceAccount: account,
                conditionKeys: ["aws:PrincipalArn": [arn], "aws:PrincipalAccount": [account]]
            )
            switch AccessEvaluator.evaluate(request, keyPolicy: policy, identityPolicies: []) {
            case .allowed, .implicitDeny(.identityPolicy): return true
            default: return false
            }
        }
        guard !canChange else { return }
        add(
            .lockOut,
            nil,
            "Under this policy nobody may call kms:PutKeyPolicy: the key could never be managed again.",
            mend: "Leave kms:PutKeyPolicy to the account root or to an administrator, and out of every Deny."
        )
    }

    // MARK: Resources

    /// Actions of two usages on what is one key.
    private mutating func checkUsages(_ statement: LintStatement) {
        let usages = PolicyVocabulary.usages.filter { usage in statement.named.contains(where: usage.actions.contains) }
        guard statement.effect == .allow, usages.count > 1 else { return }
        add(
            .mixedKeyUsage,
            statement,
            path: statement.actions.path,
            "No key is for \(usages.map(\.name).joined(separator: " and ")) at once, so some of these never succeed.",
            mend: "One statement for each key, with the actions of its KeyUsage."
        )
    }

    mutating func checkKeyResources(keyARN: String?) {
        for statement in document.statements {
            checkUsages(statement)
            let keyless = statement.named.filter(PolicyVocabulary.keyless.contains)
            if !keyless.isEmpty {
                add(
                    .resourcelessAction,
                    statement,
                    path: statement.actions.path,
                    "\(list(keyless)) is on no key, so no key policy is asked about it.",
                    mend: "Move it to an IAM policy, with Resource \"*\"."
                )
            }
            for resource in statement.resources.texts where resource != "*" && resource != keyARN {
                if isAlias(resource) {
                    reportAlias(resource, statement)
                } else {
                    add(
                        .keyPolicyResource,
                        statement,
                        path: statement.resources.path,
                        "A key policy is about its own key; \(quoted(resource)) "
                            + (keyARN == nil ? "works only if it is this key's ARN." : "is not that key."),
                        mend: "Write \"*\", which means this key."
                    )
                }
            }
        }
    }

    mutating func checkIdentityActions() {
        for statement in document.allows {
            checkGrants(statement)
            if statement.isAboutAllActions {
                reportAllActions(statement)
            } else if statement.attestationConditions.isEmpty {
                reportUnattested(PolicyVocabulary.opening.filter(statement.covers), statement)
            }
        }
    }

    /// Keys by which a statement on all keys can be about some.
    private static let resourceKeys = ["kms:RequestAlias", "kms:ResourceAliases", "aws:ResourceTag/"]

    mutating func checkIdentityResources(keyARN: String?) {
        for statement in document.statements {
            let onKeys = statement.covered(PolicyVocabulary.kmsActions).filter {
                !PolicyVocabulary.keyless.contains($0)
            }
            let needsKey = onKeys.contains { !PolicyVocabulary.onAliases.contains($0) }
            for resource in statement.resources.texts where isAlias(resource) && needsKey {
                reportAlias(resource, statement)
            }
            guard statement.effect == .allow else { continue }
            let keyless = statement.named.filter(PolicyVocabulary.keyless.contains)
            if !keyless.isEmpty, !statement.resources.texts.contains("*") {
                add(
                    .resourcelessAction,
                    statement,
                    path: statement.actions.path,
                    "\(list(keyless)) is on no key: with these resources it is not granted.",
                    mend: "Put it in a statement of its own with Resource \"*\"."
                )
            }
            if let key = statement.resources.texts.first, statement.resources.texts.count == 1, !isWide(key) {
                checkUsages(statement)
            }
            let isNarrowed = statement.conditions.contains { condition in
                Self.resourceKeys.contains(condition.rule?.name ?? "") && !condition.holdsWithoutKey
            }
            if !onKeys.isEmpty, !isNarrowed, let wide = statement.resources.texts.first(where: isWide) {
                add(
                    .wideResource,
                    statement,
                    path: statement.resources.path,
                    "\(quoted(wide)) is every key that fits, in each Region and account that lets this caller in.",
                    mend: "Write the key's ARN\(keyARN.map { ", \($0)" } ?? "")."
                )
            }
        }
    }

    private func isAlias(_ resource: String) -> Bool {
        resource.hasPrefix("alias/") || (resource.hasPrefix("arn:") && resource.contains(":alias/"))
    }

    private func isWide(_ resource: String) -> Bool {
        if resource == "*" { return true }
        let fields = resource.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard fields.count == 6, fields[2] == "kms", !isAlias(resource) else { return false }
        return fields[3...].contains { $0.contains("*") || $0.contains("?") }
    }

    private mutating func reportAlias(_ resource: String, _ statement: LintStatement) {
        add(
            .aliasAsResource,
            statement,
            path: statement.resources.path,
            "\(quoted(resource)) is an alias: KMS compares the ARN of the key, so this matches nothing.",
            mend: "Write the key's ARN; or Resource \"*\" with kms:RequestAlias or ForAnyValue: kms:ResourceAliases."
        )
    }
}

extension LintStatement {
    /// Actions that it names in full.
    fileprivate var named: [String] {
        guard !actions.isNegated else { return [] }
        return actions.texts.compactMap { text in
            PolicyVocabulary.actions.first { $0.lowercased() == text.lowercased() }
        }
    }
}
