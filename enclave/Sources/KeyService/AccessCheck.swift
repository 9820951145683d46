// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
package import KMSProtocol

/// Asks the policies about one action, and says no in AWS's words.
package struct AccessCheck: Sendable {
    /// `kms:Sign`
    let action: String
    let caller: Caller
    let circumstances: Circumstances
    /// Condition keys that come from the operation's parameters.
    let parameters: [String: [String]]

    /// `parameters` are condition keys that come from the operation's parameters.
    package init(action: String, caller: Caller, circumstances: Circumstances, parameters: [String: [String]] = [:]) {
        self.action = action
        self.caller = caller
        self.circumstances = circumstances
        self.parameters = parameters
    }

    init(call: Call, parameters: [String: [String]] = [:]) {
        self.init(
            action: "kms:\(call.operation)",
            caller: call.caller,
            circumstances: call.circumstances,
            parameters: parameters
        )
    }

    /// On a key: the key policy is authoritative, and IAM policies count as far as it lets them.
    func require(on entry: KeyTable.Entry, alias: String?) throws(KMSError) {
        let request = request(on: entry.record, ownedBy: entry.account, alias: alias, policy: entry.policy)
        try require(request, keyPolicy: entry.policy)
    }

    /// On what has no policy of its own: an alias or a broker by its ARN, or `*`. IAM policies alone decide.
    package func require(onResource resource: String = "*", ownedBy account: String) throws(KMSError) {
        try require(request(on: resource, ownedBy: account, conditions: conditions()), keyPolicy: nil)
    }

    /// The same as a question.
    func isAllowed(on key: KeyRecord, policy: PolicyDocument) -> Bool {
        // An ARN that does not parse belongs to nobody's account: then nobody is of its account.
        let account = KMSARN(key.arn)?.account ?? ""
        return evaluate(request(on: key, ownedBy: account, alias: nil, policy: policy), keyPolicy: policy) == .allowed
    }

    private func require(_ request: AccessRequest, keyPolicy: PolicyDocument?) throws(KMSError) {
        let decision = evaluate(request, keyPolicy: keyPolicy)
        guard decision == .allowed else { throw .accessDenied(accessDeniedMessage(request, decision)) }
    }

    private func evaluate(_ request: AccessRequest, keyPolicy: PolicyDocument?) -> AccessDecision {
        AccessEvaluator.evaluate(request, keyPolicy: keyPolicy, identityPolicies: caller.policies)
    }

    // MARK: What is asked

    private func request(
        on key: KeyRecord,
        ownedBy account: String,
        alias: String?,
        policy: PolicyDocument
    ) -> AccessRequest {
        request(on: key.arn, ownedBy: account, conditions: conditions(on: key, alias: alias, policy: policy))
    }

    private func request(
        on resource: String,
        ownedBy account: String,
        conditions: [String: [String]]
    ) -> AccessRequest {
        AccessRequest(
            principal: caller.arn,
            principalAccount: caller.account,
            identity: caller.identity,
            action: action,
            resource: resource,
            resourceAccount: account,
            conditionKeys: conditions
        )
    }

    // MARK: Condition keys

    /// The condition keys that the policies look at, and no others: most policies look at none, and each costs.
    private func conditions(on key: KeyRecord? = nil, alias: String? = nil, policy: PolicyDocument? = nil)
        -> [String: [String]]
    {
        var conditions: [String: [String]] = [:]
        func add(_ names: [String]) {
            for name in names where conditions[name] == nil {
                conditions[name] = values(of: name, on: key, alias: alias)
            }
        }
        if let policy { add(policy.conditionKeys) }
        for policy in caller.policies { add(policy.conditionKeys) }
        return conditions
    }

    /// What the request says of a condition key, by its folded name; nil if it is absent. Only what the service knows by
    /// itself is here: `aws:SourceIp`, `aws:SourceVpc`, `aws:SourceVpce`, `aws:ViaAWSService` and `kms:ViaService` are
    /// always absent.
    private func values(of name: String, on key: KeyRecord?, alias: String?) -> [String]? {
        switch name {
        case "aws:currenttime": [circumstances.now.rfc3339]
        case "aws:epochtime": [String(circumstances.now.seconds)]
        case "aws:securetransport": [circumstances.isSecureTransport ? "true" : "false"]
        case "kms:keyspec": key.map { [$0.spec.rawValue] } ?? parameter(name)
        case "kms:keyusage": key.map { [$0.usage.rawValue] } ?? parameter(name)
        case "kms:keyorigin": key.map { [$0.origin.kmsOrigin.rawValue] } ?? parameter(name)
        case "kms:multiregion": key.map { _ in ["false"] } ?? parameter(name)
        case "kms:resourcealiases": key.flatMap { $0.aliases.isEmpty ? nil : $0.aliases.map(\.name) }
        case "kms:requestalias": alias.map { [$0] }
        case _ where name.hasPrefix("aws:resourcetag/"):
            key.flatMap { RequestConditionKeys.values(of: name, in: Self.tags(of: $0)) }
        case _ where name.hasPrefix("kms:recipientattestation:"):
            circumstances.recipient.flatMap { recipient in
                RequestConditionKeys.values(of: name, in: RequestConditionKeys.recipient(pcrs: recipient.pcrs))
            }
        default: parameter(name) ?? RequestConditionKeys.values(of: name, in: caller.identity.conditionKeys)
        }
    }

    private func parameter(_ name: String) -> [String]? { RequestConditionKeys.values(of: name, in: parameters) }

    /// Two tags whose names differ in case alone are two tags, and one condition key of two values.
    private static func tags(of key: KeyRecord) -> [String: [String]] {
        key.tags.reduce(into: [:]) { $0["aws:resourcetag/\($1.key)", default: []].append($1.value) }
    }
}
