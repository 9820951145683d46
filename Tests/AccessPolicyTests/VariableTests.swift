// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Testing

/// Policy variables (IAM User Guide, "IAM policy elements: Variables and tags").
struct VariableTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let element: String
        let keys: [String: [String]]
        let resource: String
        let version: String
        let applies: Bool

        init(
            _ element: String,
            _ keys: [String: [String]] = ["aws:username": ["alice"]],
            on resource: String = keyARN,
            version: String = "2012-10-17",
            _ applies: Bool
        ) {
            self.element = element
            self.keys = keys
            self.resource = resource
            self.version = version
            self.applies = applies
        }

        var testDescription: String { "\(version) \(element) on \(resource), \(keys) is \(applies)" }
    }

    private static func value(_ text: String) -> String { value("StringEquals", text) }

    private static func value(_ operatorName: String, _ value: String) -> String {
        #""Resource":"*","Condition":{"\#(operatorName)":{"kms:EncryptionContext:user":"\#(value)"}}"#
    }

    private static func resource(_ name: String, element: String = "Resource") -> String {
        #""\#(element)":"arn:aws:s3:::bucket/\#(name)""#
    }

    private static func context(_ value: String, username: String? = "alice") -> [String: [String]] {
        var keys = ["kms:EncryptionContext:user": [value]]
        if let username { keys["aws:username"] = [username] }
        return keys
    }

    /// "Using variables in policies": in conditions on strings and ARNs.
    static let conditions: [Case] = [
        .init(value("${aws:username}"), context("alice"), true),
        .init(value("${aws:username}"), context("bob"), false),
        .init(value("${AWS:UserName}"), context("alice"), true),
        .init(value("user-${aws:username}-1"), context("user-alice-1"), true),
        .init(value("${aws:username}${aws:username}"), context("alicealice"), true),
        .init(value("StringEqualsIgnoreCase", "${aws:username}"), context("ALICE"), true),
        .init(value("StringLike", "${aws:username}/*"), context("alice/x"), true),
        .init(value("StringLike", "${aws:username}/*"), context("bob/x"), false),
        .init(value("StringNotEquals", "${aws:username}"), context("alice"), false),
        .init(value("StringNotEquals", "${aws:username}"), context("bob"), true),
        .init(value("StringNotLike", "${aws:username}*"), context("alice2"), false),
        .init(
            #""Resource":"*","Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:user/${aws:username}"}}"#,
            ["aws:PrincipalArn": [alice], "aws:username": ["alice"]],
            true
        ),
        .init(
            #""Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/${aws:username}"}}"#,
            ["aws:PrincipalArn": [alice], "aws:username": ["alice"]],
            false
        ),
        // A wildcard in the value of a variable is the character.
        .init(value("StringLike", "${aws:username}"), context("alice", username: "a*"), false),
        .init(value("StringLike", "${aws:username}"), context("a*", username: "a*"), true),
    ]

    /// "…in the Resource element".
    static let resources: [Case] = [
        .init(resource("${aws:username}/*"), on: "arn:aws:s3:::bucket/alice/file", true),
        .init(resource("${aws:username}/*"), on: "arn:aws:s3:::bucket/bob/file", false),
        .init(resource("${aws:username}", element: "NotResource"), on: "arn:aws:s3:::bucket/alice", false),
        .init(resource("${aws:username}", element: "NotResource"), on: "arn:aws:s3:::bucket/bob", true),
        .init(
            #""Resource":["arn:aws:s3:::other","arn:aws:s3:::bucket/${aws:username}"]"#,
            on: "arn:aws:s3:::bucket/alice",
            true
        ),
        .init(
            #""Resource":["arn:aws:s3:::other","arn:aws:s3:::bucket/${aws:username}"]"#,
            on: "arn:aws:s3:::other",
            true
        ),
        .init(resource("${aws:username}"), ["aws:username": ["*"]], on: "arn:aws:s3:::bucket/alice", false),
    ]

    /// "Policy variables with no value": "operators like StringEquals or StringLike do not match […]. Inverted condition
    /// operators like StringNotEquals or StringNotLike do match against a null value"; in Resource or NotResource, "the
    /// resource that includes a policy variable with no value will not match any resource".
    static let withoutValue: [Case] = [
        .init(value("${aws:username}"), context("alice", username: nil), false),
        .init(value("${aws:username}"), context("", username: nil), false),
        .init(value("StringLike", "${aws:username}*"), context("alice", username: nil), false),
        .init(value("StringNotEquals", "${aws:username}"), context("alice", username: nil), true),
        .init(value("StringNotLike", "${aws:username}*"), context("alice", username: nil), true),
        .init(value("${aws:PrincipalTag/team}"), context("red"), false),
        .init(resource("${aws:username}"), [:], on: "arn:aws:s3:::bucket/", false),
        .init(resource("${aws:username}*"), [:], on: "arn:aws:s3:::bucket/alice", false),
        .init(resource("${aws:username}*", element: "NotResource"), [:], on: "arn:aws:s3:::bucket/alice", true),
        .init(
            #""Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:user":["bob","${aws:username}"]}}"#,
            context("bob", username: nil),
            true
        ),
    ]

    /// "Specifying default values".
    static let defaults: [Case] = [
        .init(value("${aws:username, 'nobody'}"), context("alice"), true),
        .init(value("${aws:username, 'nobody'}"), context("nobody"), false),
        .init(value("${aws:username, 'nobody'}"), context("nobody", username: nil), true),
        .init(value("${aws:PrincipalTag/team, 'company-wide'}"), context("company-wide"), true),
        .init(value("${aws:PrincipalTag/team, ''}x"), context("x"), true),
        .init(value("StringNotEquals", "${aws:PrincipalTag/team, 'all'}"), context("all"), false),
        .init(value("StringLike", "${aws:PrincipalTag/team, '*'}"), context("all"), false),
        .init(resource("${aws:PrincipalTag/team, 'all'}/*"), on: "arn:aws:s3:::bucket/all/x", true),
        .init(resource("${aws:PrincipalTag/team, 'all'}/*"), on: "arn:aws:s3:::bucket/red/x", false),
    ]

    /// "Special characters": `${*}`, `${?}`, `${$}` where the characters themselves are meant.
    static let characters: [Case] = [
        .init(value("StringLike", "a${*}"), context("a*"), true),
        .init(value("StringLike", "a${*}"), context("ab"), false),
        .init(value("StringLike", "a${?}*"), context("a?c"), true),
        .init(value("StringLike", "a${?}*"), context("abc"), false),
        .init(value("${$}{aws:username}"), context("${aws:username}"), true),
        .init(value("${$}{aws:username}"), context("alice"), false),
        .init(value("$aws:username"), context("$aws:username"), true),
        .init(resource("${*}"), on: "arn:aws:s3:::bucket/*", true),
        .init(resource("${*}"), on: "arn:aws:s3:::bucket/x", false),
    ]

    /// "The Version element […] must be set to 2012-10-17. Earlier versions […] don't support policy variables. […] the
    /// variables are treated as literal strings."
    static let versions: [Case] = [
        .init(value("${aws:username}"), context("alice"), version: "2008-10-17", false),
        .init(value("${aws:username}"), context("${aws:username}"), version: "2008-10-17", true),
        .init(value("${aws:username, 'x'}"), context("x", username: nil), version: "2008-10-17", false),
        .init(value("StringLike", "a${*}"), context("a${bc}"), version: "2008-10-17", true),
        .init(value("StringLike", "a${?}"), context("a${b}"), version: "2008-10-17", true),
        .init(value("${unfinished"), context("${unfinished"), version: "2008-10-17", true),
        .init(resource("${aws:username}"), on: "arn:aws:s3:::bucket/alice", version: "2008-10-17", false),
    ]

    @Test(arguments: conditions + resources + withoutValue + defaults + characters + versions)
    func `a variable stands for the request's value`(_ example: Case) throws {
        func decision(_ effect: String, and more: String = "") throws -> AccessDecision {
            let statement = #"{"Effect":"\#(effect)","Action":"s3:GetObject",\#(example.element)}"#
            return try decide(
                key: nil,
                identity: [policy(statement + more, version: example.version)],
                action: "s3:GetObject",
                on: example.resource,
                keys: example.keys
            )
        }
        #expect(try decision("Allow") == (example.applies ? .allowed : .implicitDeny(.identityPolicy)))
        let allow = #",{"Effect":"Allow","Action":"*","Resource":"*"}"#
        #expect(
            try decision("Deny", and: allow) == (example.applies ? .explicitDeny(.identityPolicy) : .allowed)
        )
    }

    /// "You can use any single-valued condition key as a variable. You can't use a multivalued condition key."
    @Test(arguments: [
        #""Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:user":"${aws:username}"}}"#,
        #""Resource":"*","Condition":{"StringNotEquals":{"kms:EncryptionContext:user":"${aws:username}"}}"#,
        #""Resource":"arn:aws:kms:*:*:key/${aws:username}""#, #""NotResource":"arn:aws:kms:*:*:key/${aws:username}""#,
    ])
    func `a variable of several values allows nothing and denies`(_ element: String) throws {
        let keys = ["aws:username": ["alice", "bob"], "kms:EncryptionContext:user": ["alice"]]
        let allow = policy(#"{"Effect":"Allow","Action":"*",\#(element)}"#)
        #expect(try decide(key: policy(enableIAM), identity: [allow], keys: keys) == .implicitDeny(.identityPolicy))
        let deny = policy(#"{"Effect":"Deny","Action":"*",\#(element)}"#, statement("Allow"))
        #expect(try decide(key: policy(enableIAM), identity: [deny], keys: keys) == .explicitDeny(.identityPolicy))
    }

    @Test func `the condition keys of a caller follow from its ARN, a session's ARN being its role's`() {
        let expected: [(String, [String: String])] = [
            (alice, ["aws:PrincipalArn": alice, "aws:username": "alice", "aws:PrincipalType": "User"]),
            (bob, ["aws:PrincipalArn": bob, "aws:username": "bob", "aws:PrincipalType": "User"]),
            (root, ["aws:PrincipalArn": root, "aws:PrincipalType": "Account"]),
            (
                session,
                ["aws:PrincipalArn": "arn:aws:iam::111122223333:role/signer", "aws:PrincipalType": "AssumedRole"]
            ),
            (
                "arn:aws:sts::111122223333:federated-user/carol",
                [
                    "aws:PrincipalArn": "arn:aws:sts::111122223333:federated-user/carol",
                    "aws:PrincipalType": "FederatedUser",
                ]
            ),
        ]
        for (arn, keys) in expected {
            let common = ["aws:PrincipalAccount": account, "kms:CallerAccount": account]
            let all = keys.merging(common) { $1 }.mapValues { [$0] }
            #expect(CallerIdentity(arn: arn, account: account).conditionKeys == all)
        }
    }
}
