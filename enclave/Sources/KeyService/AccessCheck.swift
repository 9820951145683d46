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
        try require(request(on: resource, ownedBy: account, conditions: conditionKeys), keyPolicy: nil)
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
        // Nobody looks at condition keys where no policy has a condition, and most have none.
        guard caller.hasConditions(with: policy) else {
            return request(on: key.arn, ownedBy: account, conditions: [:])
        }
        var conditions = conditionKeys
        conditions["kms:KeySpec"] = [key.spec.rawValue]
        conditions["kms:KeyUsage"] = [key.usage.rawValue]
        conditions["kms:KeyOrigin"] = [key.origin.kmsOrigin.rawValue]
        conditions["kms:MultiRegion"] = ["false"]
        if !key.aliases.isEmpty { conditions["kms:ResourceAliases"] = key.aliases.map(\.name) }
        if let alias { conditions["kms:RequestAlias"] = [alias] }
        for tag in key.tags { conditions["aws:ResourceTag/\(tag.key)"] = [tag.value] }
        return request(on: key.arn, ownedBy: account, conditions: conditions)
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

    /// What holds of every request. Only what the service knows by itself is here: `aws:SourceIp`, `aws:SourceVpc`,
    /// `aws:SourceVpce`, `aws:ViaAWSService` and `kms:ViaService` are always absent.
    private var conditionKeys: [String: [String]] {
        var keys = caller.identity.conditionKeys
        keys.merge(parameters) { $1 }
        keys["aws:CurrentTime"] = [circumstances.now.rfc3339]
        keys["aws:EpochTime"] = [String(circumstances.now.seconds)]
        keys["aws:SecureTransport"] = [circumstances.isSecureTransport ? "true" : "false"]
        if let recipient = circumstances.recipient {
            keys.merge(RequestConditionKeys.recipient(pcrs: recipient.pcrs)) { $1 }
        }
        return keys
    }
}
