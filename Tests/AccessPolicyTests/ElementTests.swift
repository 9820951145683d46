// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Testing

struct ElementTests {
    struct PrincipalCase: Sendable, CustomTestStringConvertible {
        let principal: String
        let caller: String
        let isNamed: Bool

        init(_ principal: String, _ caller: String, _ isNamed: Bool) {
            self.principal = principal
            self.caller = caller
            self.isNamed = isNamed
        }

        var testDescription: String { "\(caller) under \(principal)" }
    }

    static let principals: [PrincipalCase] = [
        .init(#""*""#, alice, true),
        .init(#"{"AWS":"*"}"#, session, true),
        .init(#"{"AWS":"\#(alice)"}"#, alice, true),
        .init(#"{"AWS":"\#(alice)"}"#, bob, false),
        .init(#"{"AWS":["\#(alice)","\#(bob)"]}"#, bob, true),
        .init(#"{"AWS":"arn:aws:iam::111122223333:user/bob"}"#, bob, false),
        .init(#"{"AWS":"arn:aws:iam::111122223333:user/Alice"}"#, alice, false),
        .init(#"{"AWS":"arn:aws:iam::444455556666:user/alice"}"#, alice, false),
        .init(#"{"AWS":"arn:aws-cn:iam::111122223333:user/alice"}"#, alice, false),
        .init(#"{"AWS":"\#(root)"}"#, root, true),
        .init(#"{"AWS":"111122223333"}"#, root, true),
        .init(#"{"AWS":"444455556666"}"#, root, false),
        .init(#"{"AWS":"\#(role)"}"#, session, true),
        .init(#"{"AWS":"\#(role)"}"#, role, true),
        .init(#"{"AWS":"arn:aws:iam::111122223333:role/other"}"#, session, false),
        .init(#"{"AWS":"arn:aws:iam::444455556666:role/signer"}"#, session, false),
        .init(#"{"AWS":"arn:aws:iam::111122223333:user/signer"}"#, session, false),
        .init(#"{"AWS":"\#(session)"}"#, session, true),
        .init(#"{"AWS":"arn:aws:sts::111122223333:assumed-role/signer/session-2"}"#, session, false),
        .init(#"{"AWS":"\#(session)"}"#, role, false),
        .init(#"{"Service":"kms.amazonaws.com"}"#, alice, false),
        .init(#"{"Federated":"cognito-identity.amazonaws.com"}"#, alice, false),
        .init(#"{"Service":"kms.amazonaws.com","AWS":"\#(alice)"}"#, alice, true),
    ]

    @Test(arguments: principals)
    func `a principal names whom AWS says it names`(_ example: PrincipalCase) throws {
        let allow = policy(statement("Allow", principal: example.principal))
        #expect(
            try decide(key: allow, as: example.caller) == (example.isNamed ? .allowed : .implicitDeny(.keyPolicy))
        )
        let deny = policy(
            statement("Allow", principal: #""*""#),
            statement("Deny", principal: example.principal)
        )
        #expect(try decide(key: deny, as: example.caller) == (example.isNamed ? .explicitDeny(.keyPolicy) : .allowed))
    }

    @Test(arguments: [alice, session, root])
    func `a Deny on the account denies everyone in it`(_ caller: String) throws {
        let key = policy(
            statement("Allow", principal: #""*""#),
            statement("Deny", principal: #"{"AWS":"\#(root)"}"#)
        )
        #expect(try decide(key: key, as: caller) == .explicitDeny(.keyPolicy))
    }

    static let spared: [(entries: [String], caller: String, isSpared: Bool)] = [
        ([root, alice], alice, true),
        ([alice], alice, false),
        ([root], alice, false),
        ([root, alice], bob, false),
        ([root], root, true),
        ([alice], root, false),
        ([root, role, session], session, true),
        ([root, role], session, false),
        ([root, session], session, false),
        (["*"], alice, true),
    ]

    @Test(arguments: spared)
    func `NotPrincipal spares only whom it names in every part`(
        _ example: (entries: [String], caller: String, isSpared: Bool)
    ) throws {
        let entries = example.entries.map { "\"\($0)\"" }.joined(separator: ",")
        let deny = #"{"Effect":"Deny","NotPrincipal":{"AWS":[\#(entries)]},"Action":"kms:*","Resource":"*"}"#
        let decision = try decide(
            key: policy(statement("Allow", principal: #""*""#), deny),
            as: example.caller
        )
        #expect(decision == (example.isSpared ? .allowed : .explicitDeny(.keyPolicy)))
    }

    static let actions: [(element: String, action: String, isCovered: Bool)] = [
        (#""Action":"kms:Sign""#, "kms:Sign", true),
        (#""Action":"KMS:sign""#, "kms:Sign", true),
        (#""Action":"kms:Sign""#, "kms:SignX", false),
        (#""Action":"kms:*""#, "kms:Decrypt", true),
        (#""Action":"kms:*""#, "keybroker:GetStatus", false),
        (#""Action":"*""#, "keybroker:GetStatus", true),
        (#""Action":["kms:Verify","kms:Sign"]"#, "kms:Sign", true),
        (#""Action":"kms:GenerateDataKey*""#, "kms:GenerateDataKeyWithoutPlaintext", true),
        (#""Action":"kms:?ign""#, "kms:Sign", true),
        (#""Action":"kms:?ign""#, "kms:ign", false),
        (#""NotAction":"kms:Decrypt""#, "kms:Decrypt", false),
        (#""NotAction":"kms:Decrypt""#, "kms:Sign", true),
        (#""NotAction":["kms:Decrypt","kms:S*"]"#, "kms:Sign", false),
    ]

    @Test(arguments: actions)
    func `an action is matched without regard to case`(_ example: (element: String, action: String, isCovered: Bool))
        throws
    {
        let allow = #"{"Effect":"Allow","Principal":"*",\#(example.element),"Resource":"*"}"#
        let decision = try decide(key: policy(allow), action: example.action)
        #expect(decision == (example.isCovered ? .allowed : .implicitDeny(.keyPolicy)))
    }

    static let resources: [(element: String, isCovered: Bool)] = [
        (#""Resource":"*""#, true),
        (#""Resource":"\#(keyARN)""#, true),
        (#""Resource":"arn:aws:kms:us-east-1:111122223333:key/*""#, true),
        (#""Resource":"arn:aws:kms:*:111122223333:key/*""#, true),
        (#""Resource":"arn:aws:kms:us-east-1:111122223333:*""#, true),
        (#""Resource":"arn:aws:kms:eu-west-1:111122223333:key/*""#, false),
        (#""Resource":"arn:aws:kms:us-east-1:444455556666:key/*""#, false),
        (#""Resource":"arn:aws:kms:us-east-1:111122223333:KEY/*""#, false),
        (#""Resource":"arn:aws:kms:us-east-1:111122223333:alias/audit""#, false),
        (#""NotResource":"\#(keyARN)""#, false),
        (#""NotResource":"arn:aws:kms:us-east-1:111122223333:key/other""#, true),
    ]

    @Test(arguments: resources)
    func `a resource is matched as a whole, with regard to case`(_ example: (element: String, isCovered: Bool)) throws {
        let allow = #"{"Effect":"Allow","Action":"*",\#(example.element)}"#
        let decision = try decide(key: policy(enableIAM), identity: [policy(allow)])
        #expect(decision == (example.isCovered ? .allowed : .implicitDeny(.identityPolicy)))
    }

    @Test func `a pattern of many stars takes no more than pattern times text`() throws {
        let stars = String(repeating: "a*", count: 2000) + "b"
        let allow = statement(
            "Allow",
            principal: #""*""#,
            condition: #"{"StringLike":{"kms:EncryptionContext:x":"\#(stars)"}}"#
        )
        let text = String(repeating: "a", count: 20_000)
        let clock = ContinuousClock()
        let start = clock.now
        let decision = try decide(key: policy(allow), keys: ["kms:EncryptionContext:x": [text]])
        let time = clock.now - start
        #expect(decision == .implicitDeny(.keyPolicy))
        // Backtracking through every star would outlast the universe.
        #expect(time < .seconds(60))
    }
}
