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
        rule(RequestFacts(request), keyPolicy: keyPolicy, identityPolicies: identityPolicies).decision
    }

    /// The decision, and which statements made it.
    static func rule(
        _ facts: RequestFacts,
        keyPolicy: PolicyDocument?,
        identityPolicies: [PolicyDocument]
    ) -> AccessRuling {
        if let keyPolicy, let statement = facts.denial(by: keyPolicy) {
            return AccessRuling(.explicitDeny(.keyPolicy), key: statement)
        }
        for (index, policy) in identityPolicies.enumerated() {
            guard let statement = facts.denial(by: policy) else { continue }
            return AccessRuling(.explicitDeny(.identityPolicy), identity: (index, statement))
        }

        var keyStatement: Int?
        if let keyPolicy {
            guard let grant = facts.grant(by: keyPolicy) else { return AccessRuling(.implicitDeny(.keyPolicy)) }
            if grant.match == .direct && facts.isSameAccount { return AccessRuling(.allowed, key: grant.statement) }
            keyStatement = grant.statement
        } else if !facts.isSameAccount {
            return AccessRuling(.implicitDeny(.keyPolicy))
        }

        // What the caller's own account gives it. Its root may all that is not denied.
        if facts.caller.isRoot { return AccessRuling(.allowed, key: keyStatement) }
        for (index, policy) in identityPolicies.enumerated() {
            guard let grant = facts.grant(by: policy) else { continue }
            return AccessRuling(.allowed, key: keyStatement, identity: (index, grant.statement))
        }
        return AccessRuling(.implicitDeny(.identityPolicy), key: keyStatement)
    }
}

/// A decision and its grounds: the Deny that applied, or the Allows that were needed together.
struct AccessRuling: Sendable {
    let decision: AccessDecision
    /// Index of the statement of the key policy. With an implicit deny: the one that left it to the identity policies.
    let keyStatement: Int?
    /// Index of the identity policy, and of its statement.
    let identityStatement: (policy: Int, statement: Int)?

    init(_ decision: AccessDecision, key: Int? = nil, identity: (policy: Int, statement: Int)? = nil) {
        self.decision = decision
        keyStatement = key
        identityStatement = identity
    }
}
