// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Testing

private let pcr0 = String(repeating: "0f", count: 48)
private let wrong = String(repeating: "aa", count: 48)
private let image = "kms:RecipientAttestation:ImageSha384"
private let configuration = "kms:RecipientAttestation:PCR16"

struct EvaluationTests {
    // MARK: The key policy is authoritative

    @Test func `an identity policy counts for nothing unless the key policy lets the account in`() throws {
        let iam = policy(statement("Allow"))
        let key = policy(statement("Allow", principal: #"{"AWS":"\#(bob)"}"#))
        #expect(try decide(key: key, identity: [iam]) == .implicitDeny(.keyPolicy))
    }

    @Test func `a key policy that lets the account in leaves the decision to identity policies`() throws {
        #expect(try decide(key: policy(enableIAM)) == .implicitDeny(.identityPolicy))
        #expect(try decide(key: policy(enableIAM), identity: [policy(statement("Allow"))]) == .allowed)
    }

    @Test func `an account id means the same as the ARN of its root`() throws {
        let key = policy(statement("Allow", principal: #"{"AWS":"111122223333"}"#))
        #expect(try decide(key: key) == .implicitDeny(.identityPolicy))
        #expect(try decide(key: key, identity: [policy(statement("Allow"))]) == .allowed)
    }

    @Test func `the way through the account has the conditions of its statement`() throws {
        let key = policy(
            statement(
                "Allow",
                principal: #"{"AWS":"\#(root)"}"#,
                condition: #"{"StringEquals":{"kms:SigningAlgorithm":"ED25519_SHA_512"}}"#
            )
        )
        let iam = [policy(statement("Allow"))]
        #expect(
            try decide(key: key, identity: iam, keys: ["kms:SigningAlgorithm": ["ED25519_SHA_512"]]) == .allowed
        )
        #expect(
            try decide(key: key, identity: iam, keys: ["kms:SigningAlgorithm": ["ECDSA_SHA_256"]])
                == .implicitDeny(.keyPolicy)
        )
    }

    @Test func `the way through the account is as wide as its actions`() throws {
        let key = policy(statement("Allow", principal: #"{"AWS":"\#(root)"}"#, action: #""kms:Verify""#))
        let iam = [policy(statement("Allow"))]
        #expect(try decide(key: key, identity: iam, action: "kms:Verify") == .allowed)
        #expect(try decide(key: key, identity: iam, action: "kms:Sign") == .implicitDeny(.keyPolicy))
    }

    @Test func `the root user needs the key policy like everyone else`() throws {
        #expect(try decide(key: policy(enableIAM), as: root) == .allowed)
        let key = policy(statement("Allow", principal: #"{"AWS":"\#(alice)"}"#))
        #expect(try decide(key: key, as: root) == .implicitDeny(.keyPolicy))
    }

    @Test func `a principal named by the key policy needs no identity policy in its account`() throws {
        #expect(try decide(key: policy(statement("Allow", principal: #"{"AWS":"\#(alice)"}"#))) == .allowed)
    }

    // MARK: Explicit deny

    @Test func `an explicit deny in either policy wins over allows in both`() throws {
        let allow = statement("Allow", principal: #"{"AWS":"\#(alice)"}"#)
        let deny = statement("Deny", principal: #"{"AWS":"\#(alice)"}"#, action: #""kms:Sign""#)
        let iamAllow = policy(statement("Allow"))
        #expect(try decide(key: policy(allow, deny), identity: [iamAllow]) == .explicitDeny(.keyPolicy))
        #expect(try decide(key: policy(deny, allow), identity: [iamAllow]) == .explicitDeny(.keyPolicy))
        let iamDeny = policy(statement("Deny", action: #""kms:Sign""#))
        #expect(try decide(key: policy(allow), identity: [iamAllow, iamDeny]) == .explicitDeny(.identityPolicy))
        #expect(try decide(key: policy(allow, deny), identity: [iamDeny]) == .explicitDeny(.keyPolicy))
    }

    @Test func `a deny of one action leaves the others`() throws {
        let key = policy(
            statement("Allow", principal: #""*""#),
            statement("Deny", principal: #""*""#, action: #""kms:Decrypt""#)
        )
        #expect(try decide(key: key, action: "kms:Sign") == .allowed)
        #expect(try decide(key: key, action: "kms:Decrypt") == .explicitDeny(.keyPolicy))
    }

    // MARK: Without a key, and across accounts

    @Test func `an action without a key is up to identity policies, and the root may`() throws {
        #expect(try decide(key: nil, action: "kms:CreateKey", on: "*") == .implicitDeny(.identityPolicy))
        let iam = policy(statement("Allow", action: #""kms:CreateKey""#))
        #expect(try decide(key: nil, identity: [iam], action: "kms:CreateKey", on: "*") == .allowed)
        #expect(try decide(key: nil, identity: [iam], action: "kms:ListAliases", on: "*") != .allowed)
        #expect(try decide(key: nil, as: root, action: "kms:CreateKey", on: "*") == .allowed)
    }

    @Test func `an identity policy for one key does not cover an action without a key`() throws {
        let iam = policy(statement("Allow", resource: "\"\(keyARN)\""))
        #expect(
            try decide(key: nil, identity: [iam], action: "kms:CreateKey", on: "*") == .implicitDeny(.identityPolicy)
        )
    }

    @Test func `another account needs both policies`() throws {
        let stranger = "arn:aws:iam::444455556666:user/alice"
        let iam = policy(statement("Allow"))
        let byName = policy(statement("Allow", principal: #"{"AWS":"\#(stranger)"}"#))
        let byAccount = policy(statement("Allow", principal: #"{"AWS":"444455556666"}"#))
        for key in [byName, byAccount] {
            #expect(try decide(key: key, identity: [iam], as: stranger, of: otherAccount) == .allowed)
            #expect(try decide(key: key, as: stranger, of: otherAccount) == .implicitDeny(.identityPolicy))
        }
        #expect(
            try decide(key: policy(enableIAM), identity: [iam], as: stranger, of: otherAccount)
                == .implicitDeny(.keyPolicy)
        )
        #expect(
            try decide(key: nil, identity: [iam], as: stranger, of: otherAccount, action: "kms:CreateKey", on: "*")
                != .allowed
        )
    }

    @Test func `an ARN of another account than the caller's names nobody`() throws {
        let key = policy(statement("Allow", principal: #"{"AWS":"\#(alice)"}"#))
        #expect(try decide(key: key, as: alice, of: otherAccount) != .allowed)
    }

    // MARK: Attestation

    /// A key policy whose only gate is a condition on an Allow, next to the default statement, and a role that may
    /// decrypt by its own policy: allows are alternatives, so nobody needs an attestation.
    @Test func `a conditional Allow beside the default statement is no gate`() throws {
        let gate = statement(
            "Allow",
            principal: #"{"AWS":"\#(role)"}"#,
            action: #""kms:Decrypt""#,
            condition: #"{"StringEqualsIgnoreCase":{"\#(image)":"\#(pcr0)"}}"#
        )
        let iam = policy(statement("Allow", action: #""kms:Decrypt""#, resource: "\"\(keyARN)\""))
        let key = policy(enableIAM, gate)
        #expect(try decide(key: key, identity: [iam], as: session, action: "kms:Decrypt") == .allowed)
        // Without the role's own policy, the condition counts.
        #expect(try decide(key: key, as: session, action: "kms:Decrypt") == .implicitDeny(.identityPolicy))
        #expect(try decide(key: key, as: session, action: "kms:Decrypt", keys: [image: [pcr0]]) == .allowed)
    }

    static let gated: [(image: String?, configuration: String?, isDenied: Bool)] = [
        (pcr0, pcr0, false),
        (pcr0.uppercased(), pcr0, false),
        (nil, nil, true),
        (pcr0, nil, true),
        (nil, pcr0, true),
        (wrong, pcr0, true),
        (pcr0, wrong, true),
        (wrong, wrong, true),
        ("", pcr0, true),
        ("0x" + pcr0, pcr0, true),
    ]

    /// One Deny for each measurement: in one Deny for both, either would do for an attacker.
    @Test(arguments: gated)
    func `separate Denies refuse measurements that are missing or wrong`(
        _ example: (image: String?, configuration: String?, isDenied: Bool)
    ) throws {
        let key = policy(
            enableIAM,
            statement("Allow", principal: #"{"AWS":"\#(role)"}"#, action: #""kms:Decrypt""#),
            statement(
                "Deny",
                principal: #""*""#,
                action: #""kms:Decrypt""#,
                condition: #"{"StringNotEqualsIgnoreCase":{"\#(image)":"\#(pcr0)"}}"#
            ),
            statement(
                "Deny",
                principal: #""*""#,
                action: #""kms:Decrypt""#,
                condition: #"{"StringNotEqualsIgnoreCase":{"\#(configuration)":"\#(pcr0)"}}"#
            )
        )
        var keys: [String: [String]] = [:]
        if let value = example.image { keys[image] = [value] }
        if let value = example.configuration { keys[configuration] = [value] }
        let decision = try decide(
            key: key,
            identity: [policy(statement("Allow"))],
            as: session,
            action: "kms:Decrypt",
            keys: keys
        )
        #expect(decision == (example.isDenied ? .explicitDeny(.keyPolicy) : .allowed))
    }

    @Test func `one Deny on two measurements lets through whoever has one of them`() throws {
        let both = #"{"StringNotEqualsIgnoreCase":{"\#(image)":"\#(pcr0)","\#(configuration)":"\#(pcr0)"}}"#
        let key = policy(
            statement("Allow", principal: #""*""#),
            statement("Deny", principal: #""*""#, condition: both)
        )
        #expect(try decide(key: key, action: "kms:Decrypt", keys: [image: [pcr0]]) == .allowed)
        #expect(try decide(key: key, action: "kms:Decrypt") == .explicitDeny(.keyPolicy))
    }

    // MARK: Messages

    @Test func `a denial is worded as AWS words it`() {
        let request = AccessRequest(
            principal: session,
            principalAccount: account,
            action: "kms:Decrypt",
            resource: keyARN,
            resourceAccount: account
        )
        let opening = "User: \(session) is not authorized to perform: kms:Decrypt on resource: \(keyARN) "
        let expected: [(AccessDecision, String)] = [
            (.implicitDeny(.keyPolicy), "because no resource-based policy allows the kms:Decrypt action"),
            (.implicitDeny(.identityPolicy), "because no identity-based policy allows the kms:Decrypt action"),
            (.explicitDeny(.keyPolicy), "with an explicit deny in a resource-based policy"),
            (.explicitDeny(.identityPolicy), "with an explicit deny in an identity-based policy"),
        ]
        for (decision, ending) in expected {
            #expect(accessDeniedMessage(request, decision) == opening + ending)
        }
    }
}
