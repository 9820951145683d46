// SPDX-License-Identifier: Apache-2.0

/// AWS's evaluation for KMS: explicit deny first; the key policy is authoritative; IAM policies count only if the key
/// policy allows the account root; without a key (CreateKey, ListAliases, …) IAM policies alone, and the root may.
package enum AccessEvaluator: Sendable {
    /// Decides one request. `keyPolicy` is nil for actions that have no key.
    package static func evaluate(
        _ request: AccessRequest,
        keyPolicy: PolicyDocument?,
        identityPolicies: [PolicyDocument]
    ) -> AccessDecision {
        let facts = RequestFacts(request)

        if let keyPolicy, facts.isDenied(by: keyPolicy) { return .explicitDeny(.keyPolicy) }
        if identityPolicies.contains(where: facts.isDenied) { return .explicitDeny(.identityPolicy) }

        // What the caller's own account gives it. Its root may all that is not denied.
        let isAllowedByIdentity = {
            facts.caller.isRoot || identityPolicies.contains { facts.match($0) != .none }
        }
        let isSameAccount = request.principalAccount == request.resourceAccount
        guard let keyPolicy else {
            guard isSameAccount else { return .implicitDeny(.keyPolicy) }
            return isAllowedByIdentity() ? .allowed : .implicitDeny(.identityPolicy)
        }
        switch facts.match(keyPolicy) {
        case .none: return .implicitDeny(.keyPolicy)
        case .direct where isSameAccount: return .allowed
        case .direct, .account: return isAllowedByIdentity() ? .allowed : .implicitDeny(.identityPolicy)
        }
    }
}

/// A request in the forms in which policies are compared with it.
private struct RequestFacts {
    let caller: CallerIdentity
    private let action: [Unicode.Scalar]
    private let resource: [Unicode.Scalar]
    private let conditionKeys: [(name: [Unicode.Scalar], values: [String])]

    init(_ request: AccessRequest) {
        caller = request.identity ?? CallerIdentity(arn: request.principal, account: request.principalAccount)
        action = ConditionValue.folded(request.action)
        resource = Array(request.resource.unicodeScalars)
        conditionKeys = request.conditionKeys.map { (ConditionValue.folded($0.key), $0.value) }
    }

    func isDenied(by policy: PolicyDocument) -> Bool {
        policy.statements.contains { statement in
            statement.effect == .deny && concerns(statement) != .none && conditions(of: statement) != .notMet
        }
    }

    /// The best that an Allow of the policy gives the caller.
    func match(_ policy: PolicyDocument) -> PrincipalMatch {
        var best = PrincipalMatch.none
        for statement in policy.statements where statement.effect == .allow {
            let match = concerns(statement)
            guard match != .none, conditions(of: statement) == .met else { continue }
            if match == .direct { return .direct }
            best = match
        }
        return best
    }

    /// How the statement names the caller, if it is about this action on this resource.
    private func concerns(_ statement: Statement) -> PrincipalMatch {
        let match = statement.principal?.match(caller) ?? .direct
        guard match != .none, statement.actions.matches(action), statement.resources.matches(resource) else {
            return .none
        }
        return match
    }

    private func conditions(of statement: Statement) -> ConditionOutcome {
        .all(statement.conditions.lazy.map { $0.evaluate(values(of: $0.key)) })
    }

    /// Two names that differ in case only are one key of several values, which no single-valued operator takes for met.
    private func values(of key: [Unicode.Scalar]) -> [String] {
        var values: [String] = []
        // A dozen keys at most in practice: hashing them all would cost more than looking at them.
        for entry in conditionKeys where entry.name == key { values += entry.values }
        return values
    }
}
