// SPDX-License-Identifier: Apache-2.0

/// A request in the forms in which policies are compared with it.
struct RequestFacts {
    let caller: CallerIdentity
    let isSameAccount: Bool
    private let action: [Unicode.Scalar]
    private let resource: [Unicode.Scalar]
    private let conditionKeys: [String: [String]]

    init(_ request: AccessRequest) {
        caller = request.identity ?? CallerIdentity(arn: request.principal, account: request.principalAccount)
        isSameAccount = request.principalAccount == request.resourceAccount
        action = caseFolded(request.action)
        resource = Array(request.resource.unicodeScalars)
        conditionKeys = request.conditionKeys
    }

    // MARK: A policy

    /// The index of the first Deny that applies.
    func denial(by policy: PolicyDocument) -> Int? {
        policy.statements.firstIndex { statement in
            statement.effect == .deny && concerns(statement) != .none && conditions(of: statement) != .notMet
        }
    }

    /// The first Allow that gives the caller most.
    func grant(by policy: PolicyDocument) -> (match: PrincipalMatch, statement: Int)? {
        var best: (match: PrincipalMatch, statement: Int)?
        for (index, statement) in policy.statements.enumerated() where statement.effect == .allow {
            let match = concerns(statement)
            guard match != .none, conditions(of: statement) == .met else { continue }
            if match == .direct { return (match, index) }
            if best == nil { best = (match, index) }
        }
        return best
    }

    // MARK: A statement

    /// How the statement names the caller, if it is about this action on this resource.
    private func concerns(_ statement: Statement) -> PrincipalMatch {
        let match = principal(of: statement)
        guard match != .none, actionMatches(statement), resourceMatches(statement) else { return .none }
        return match
    }

    func principal(of statement: Statement) -> PrincipalMatch { statement.principal?.match(caller) ?? .direct }

    func actionMatches(_ statement: Statement) -> Bool { statement.actions.matches(action) }

    func resourceMatches(_ statement: Statement) -> Bool {
        let resources = statement.resources
        if resources.templates.isEmpty { return resources.matches(resource) }
        if resources.patterns.contains(where: { $0.matches(resource) }) { return !resources.isNegated }
        switch ConditionOutcome.any(resources.templates.map(outcome)) {
        case .met: return !resources.isNegated
        case .notMet: return resources.isNegated
        // As with conditions: an Allow does not apply, a Deny does.
        case .unclear: return statement.effect == .deny
        }
    }

    /// "The resource that includes a policy variable with no value will not match any resource" (IAM User Guide, "Policy
    /// variables with no value").
    private func outcome(_ template: PolicyTemplate) -> ConditionOutcome {
        switch template.resolved(values) {
        case .text(let text): ConditionOutcome(WildcardPattern(text).matches(resource))
        case .noValue: .notMet
        case .severalValues: .unclear
        }
    }

    private func conditions(of statement: Statement) -> ConditionOutcome {
        .all(statement.conditions.lazy.map(outcome))
    }

    func outcome(_ condition: Condition) -> ConditionOutcome { condition.evaluate(self) }

    // MARK: Condition keys

    /// Two names that differ in case only are one key of several values, which no single-valued operator takes for met.
    /// `key` is folded.
    func values(of key: [Unicode.Scalar]) -> [String] {
        var values: [String] = []
        // A dozen keys at most in practice: hashing them all would cost more than looking at them.
        for entry in conditionKeys where ConditionValue.folds(entry.key, to: key) {
            values = values.isEmpty ? entry.value : values + entry.value
        }
        return values
    }
}
