// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import KMSProtocol

/// What the principals of a broker may do, for callers who may ask.
struct BrokerPermissions: Sendable {
    let principals: [PrincipalDescription]

    /// Nil where the caller may not list them, or the endpoint has none.
    static func read(_ session: BrokerSession) async throws(CommandFailure) -> BrokerPermissions? {
        do {
            return BrokerPermissions(principals: try await PrincipalDescription.all(session))
        } catch {
            let silent = ["AccessDeniedException", "UnknownOperationException"]
            guard silent.contains(where: error.message.hasPrefix) else { throw error }
            return nil
        }
    }

    subscript(accessKeyID: String) -> PrincipalDescription? {
        principals.first { $0.accessKeyID == accessKeyID }
    }
}

extension PrincipalDescription {
    /// What its policies and the key's decide; nil for a policy: the action has no key.
    func isAllowed(
        _ action: String,
        on resource: String,
        policy: PolicySource?,
        conditions: [String: [String]] = [:]
    ) throws(CommandFailure) -> Bool {
        guard let arn = members["Arn"]?.string else { return false }
        var policies = RequestPolicies()
        policies.key = policy
        for text in self.policies {
            policies.identity.append(try PolicySourceFile.source(Array(text.utf8), kind: .identity, name: arn))
        }
        var request = SimulatedRequest(principal: arn, action: action, resource: resource)
        request.conditions = conditions
        return policies.explain(try request.accessRequest(at: SystemClock.now())).decision == .allowed
    }
}

/// Whether somebody may sign through an alias with some algorithm of a key.
struct SigningQuestion: Sendable {
    let alias: String
    let usage: String
    /// The new key has the old one's.
    let tags: [(name: String, value: String)]

    func isAllowed(_ principal: PrincipalDescription, key: String, spec: String, policy: PolicySource)
        throws(CommandFailure) -> Bool
    {
        for algorithm in KeySpec(rawValue: spec)?.signingAlgorithms ?? [] {
            for type in [MessageType.raw, .digest] {
                var conditions = conditions(spec: spec)
                conditions["kms:SigningAlgorithm"] = [algorithm.rawValue]
                conditions["kms:MessageType"] = [type.rawValue]
                if try principal.isAllowed("kms:Sign", on: key, policy: policy, conditions: conditions) { return true }
            }
        }
        return false
    }

    /// What the enclave knows of a request on a key of this spec.
    func conditions(spec: String) -> [String: [String]] {
        var conditions = [
            "kms:RequestAlias": [alias], "kms:ResourceAliases": [alias], "kms:KeySpec": [spec], "kms:KeyUsage": [usage],
            "kms:KeyOrigin": ["AWS_KMS"], "kms:MultiRegion": ["false"],
        ]
        for tag in tags { conditions["aws:ResourceTag/\(tag.name)", default: []].append(tag.value) }
        return conditions
    }
}
