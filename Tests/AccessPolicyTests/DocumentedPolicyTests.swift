// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Testing

/// Whole decisions as AWS's documentation describes them, section by section.
struct DocumentedPolicyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// Statements of the key policy; nil: no key.
        let key: [String]?
        /// Statements of one identity policy.
        let identity: [String]
        let caller: String
        let action: String
        let resource: String
        let keys: [String: [String]]
        let expected: AccessDecision

        init(
            _ name: String,
            key: [String]?,
            identity: [String] = [],
            as caller: String = alice,
            doing action: String = "kms:Decrypt",
            on resource: String = keyARN,
            keys: [String: [String]] = [:],
            _ expected: AccessDecision
        ) {
            self.name = name
            self.key = key
            self.identity = identity
            self.caller = caller
            self.action = action
            self.resource = resource
            self.keys = keys
            self.expected = expected
        }

        var testDescription: String { name }
    }

    static let all =
        defaultPolicy + principals + notPrincipals + denies + otherAccounts + withoutKey + aliases + conditionKeys

    @Test(arguments: all)
    func `a decision is AWS's`(_ example: Case) throws {
        let decision = try decide(
            key: example.key.map { policy($0.joined(separator: ",")) },
            identity: example.identity.isEmpty ? [] : [policy(example.identity.joined(separator: ","))],
            as: example.caller,
            of: String(example.caller.split(separator: ":", omittingEmptySubsequences: false)[4]),
            action: example.action,
            on: example.resource,
            keys: example.keys
        )
        #expect(decision == example.expected)
    }

    /// The explanation is made of the same steps, and must never tell another story than the decision.
    @Test(arguments: all)
    func `an explanation names the statements that decided`(_ example: Case) throws {
        let callerAccount = String(example.caller.split(separator: ":", omittingEmptySubsequences: false)[4])
        let explanation = AccessExplanation(
            AccessRequest(
                principal: example.caller,
                principalAccount: callerAccount,
                action: example.action,
                resource: example.resource,
                resourceAccount: account,
                conditionKeys: example.keys
            ),
            keyPolicy: try example.key.map {
                try PolicySource(policy($0.joined(separator: ",")), kind: .key, name: "key")
            },
            identityPolicies: example.identity.isEmpty
                ? [] : [try PolicySource(policy(example.identity.joined(separator: ",")), kind: .identity, name: "iam")]
        )
        #expect(explanation.decision == example.expected)
        #expect(explanation.findings.count == (example.key?.count ?? 0) + example.identity.count)
        for finding in explanation.deciding { #expect(finding.applies) }
        switch explanation.decision {
        case .explicitDeny: #expect(explanation.deciding.map(\.isDeny) == [true])
        case .implicitDeny:
            #expect(explanation.deciding.isEmpty)
            #expect(!explanation.findings.contains { $0.isDeny && $0.applies })
        case .allowed:
            #expect(!explanation.findings.contains { $0.isDeny && $0.applies })
            #expect(!explanation.deciding.isEmpty || (example.key == nil && example.caller == root))
        }
    }
}
