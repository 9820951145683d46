// SPDX-License-Identifier: Apache-2.0

/// A decision with its reasons: which statements made it, and why each of the others did not apply.
///
/// The decision is ``AccessEvaluator``'s own, and each finding is what its steps answered for one statement; nothing is
/// evaluated in another way. For tools: the service asks for the decision alone.
package struct AccessExplanation: Sendable {
    package let decision: AccessDecision
    /// What the decision would be if no statement denied: whether, behind a deny, an allow is missing too.
    package let decisionWithoutDenies: AccessDecision
    /// The Deny that applied, or the Allows that were needed together: of the key policy, of an identity policy, or both.
    /// Empty for an implicit deny, and where the account's root acts without a key.
    package let deciding: [StatementFinding]
    /// Every statement: of the key policy, then of the identity policies, in their order.
    package let findings: [StatementFinding]

    package init(_ request: AccessRequest, keyPolicy: PolicySource?, identityPolicies: [PolicySource]) {
        let facts = RequestFacts(request)
        let ruling = AccessEvaluator.rule(
            facts,
            keyPolicy: keyPolicy?.document,
            identityPolicies: identityPolicies.map(\.document)
        )
        let ofKey = keyPolicy.map { Self.findings(in: $0, .keyPolicy, request, facts) } ?? []
        let ofIdentity = identityPolicies.map { Self.findings(in: $0, .identityPolicy, request, facts) }
        decision = ruling.decision
        decisionWithoutDenies =
            AccessEvaluator.rule(
                facts,
                keyPolicy: keyPolicy?.document.withoutDenies,
                identityPolicies: identityPolicies.map(\.document.withoutDenies)
            ).decision
        findings = ofKey + ofIdentity.flatMap(\.self)
        var deciding: [StatementFinding] = []
        if case .implicitDeny = ruling.decision {
        } else {
            if let index = ruling.keyStatement { deciding.append(ofKey[index]) }
            if let (policy, statement) = ruling.identityStatement { deciding.append(ofIdentity[policy][statement]) }
        }
        self.deciding = deciding
    }

    /// Statements that are about this action and missed by one thing: one element, or conditions.
    package var nearMisses: [StatementFinding] {
        findings.filter { $0.actionMatches && $0.mismatchedElements == 1 }
    }

    private static func findings(
        in policy: PolicySource,
        _ kind: AccessDecision.Source,
        _ request: AccessRequest,
        _ facts: RequestFacts
    ) -> [StatementFinding] {
        zip(policy.document.statements, policy.statements).enumerated().map { index, pair in
            StatementFinding(
                pair.0,
                pair.1,
                place: .init(kind: kind, policy: policy.name, index: index, sid: pair.1.sid),
                request,
                facts
            )
        }
    }
}

/// What one statement has to do with a request.
package struct StatementFinding: Sendable {
    package struct Place: Sendable, Equatable {
        package let kind: AccessDecision.Source
        /// The policy's name.
        package let policy: String
        /// From 0.
        package let index: Int
        package let sid: String?
    }

    /// An element that does not cover the request.
    package struct Mismatch: Sendable, Equatable {
        /// `Principal`, `NotAction`, `Resource`, …
        package let element: String
        package let policyValues: [String]
        package let requestValue: String
    }

    /// A condition, and what it says of the request.
    package struct ConditionFinding: Sendable, Equatable {
        package enum Outcome: String, Sendable {
            case met
            case notMet
            /// The request's value is not of the operator's type, or several where one is compared: an Allow does not
            /// apply, a Deny does.
            case unclear
        }

        /// As written: `StringNotEqualsIgnoreCase`.
        package let conditionOperator: String
        /// As written: `kms:RecipientAttestation:PCR16`.
        package let key: String
        package let policyValues: [String]
        /// Empty: the request does not have the key.
        package let requestValues: [String]
        package let outcome: Outcome
        /// Whether the operator is one of those that are true when the values differ (`StringNotEquals`, …).
        package let isNegated: Bool
    }

    package let place: Place
    package let isDeny: Bool
    /// Whether the statement allows through the account's root only, so that identity policies decide.
    package let isThroughAccount: Bool
    /// Elements that do not cover the request; empty if all do.
    package let mismatches: [Mismatch]
    package let conditions: [ConditionFinding]

    package var actionMatches: Bool {
        !mismatches.contains { $0.element == "Action" || $0.element == "NotAction" }
    }

    /// Conditions that keep the statement from applying.
    package var failedConditions: [ConditionFinding] {
        conditions.filter { isDeny ? $0.outcome == .notMet : $0.outcome != .met }
    }

    /// Whether the statement has its effect on the request.
    package var applies: Bool { mismatches.isEmpty && failedConditions.isEmpty }

    /// All conditions together count as one element.
    var mismatchedElements: Int { mismatches.count + (failedConditions.isEmpty ? 0 : 1) }

    init(
        _ statement: Statement,
        _ source: StatementSource,
        place: Place,
        _ request: AccessRequest,
        _ facts: RequestFacts
    ) {
        self.place = place
        isDeny = statement.effect == .deny
        let principal = facts.principal(of: statement)
        isThroughAccount = principal == .account
        var mismatches: [Mismatch] = []
        func note(_ name: String, _ requestValue: String, unless isCovered: Bool) {
            guard !isCovered, let element = source.element(name) else { return }
            mismatches.append(.init(element: element.name, policyValues: element.values, requestValue: requestValue))
        }
        note("Principal", request.principal, unless: principal != .none)
        note("Action", request.action, unless: facts.actionMatches(statement))
        note("Resource", request.resource, unless: facts.resourceMatches(statement))
        self.mismatches = mismatches
        conditions = zip(statement.conditions, source.conditions).map { condition, source in
            ConditionFinding(
                conditionOperator: source.conditionOperator,
                key: source.key,
                policyValues: source.values,
                requestValues: facts.values(of: condition.key),
                outcome: .init(facts.outcome(condition)),
                isNegated: condition.conditionOperator.isNegated
            )
        }
    }
}

extension StatementFinding.ConditionFinding.Outcome {
    init(_ outcome: ConditionOutcome) {
        self =
            switch outcome {
            case .met: .met
            case .notMet: .notMet
            case .unclear: .unclear
            }
    }
}
