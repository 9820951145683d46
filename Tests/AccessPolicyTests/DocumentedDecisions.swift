// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

// Denies, accounts, operations without a key, condition keys.

extension DocumentedPolicyTests {
    /// IAM User Guide, "Policy evaluation logic": explicit deny overrides; an allow is needed; requests are denied by
    /// default.
    static let denies: [Case] = [
        .init("deny in the key policy over its allow", key: [allow(alice), deny(alice)], .explicitDeny(.keyPolicy)),
        .init("order does not matter", key: [deny(alice), allow(alice)], .explicitDeny(.keyPolicy)),
        .init(
            "deny in an identity policy over the key policy's allow",
            key: [allow(alice)],
            identity: [statement("Deny", action: #""kms:Decrypt""#)],
            .explicitDeny(.identityPolicy)
        ),
        .init(
            "deny in an identity policy over its own allow",
            key: [enableIAM],
            identity: [allowAll, statement("Deny", action: #""kms:Dec*""#)],
            .explicitDeny(.identityPolicy)
        ),
        .init(
            "a deny of another action",
            key: [allow(alice)],
            identity: [statement("Deny", action: #""kms:Encrypt""#)],
            .allowed
        ),
        .init(
            "Deny with NotAction denies the rest",
            key: [allow(alice), #"{"Effect":"Deny","Principal":"*","NotAction":"kms:Decrypt","Resource":"*"}"#],
            doing: "kms:Encrypt",
            .explicitDeny(.keyPolicy)
        ),
        .init(
            "Deny with NotAction spares what it names",
            key: [allow(alice), #"{"Effect":"Deny","Principal":"*","NotAction":"kms:Decrypt","Resource":"*"}"#],
            .allowed
        ),
        .init(
            "Deny with NotResource spares this key",
            key: [enableIAM],
            identity: [allowAll, #"{"Effect":"Deny","Action":"kms:*","NotResource":"\#(keyARN)"}"#],
            .allowed
        ),
        .init(
            "Deny with NotResource denies other keys",
            key: [enableIAM],
            identity: [allowAll, #"{"Effect":"Deny","Action":"kms:*","NotResource":"arn:aws:kms:*:*:key/other"}"#],
            .explicitDeny(.identityPolicy)
        ),
        .init("deny of the root user", key: [enableIAM, deny(root)], as: root, .explicitDeny(.keyPolicy)),
        .init("nothing allows", key: [deny(bob)], .implicitDeny(.keyPolicy)),
        .init(
            "a deny whose condition is not met",
            key: [allow(alice), deny(alice, when: when("Bool", "aws:SecureTransport", "false"))],
            keys: ["aws:SecureTransport": ["true"]],
            .allowed
        ),
        .init(
            "a deny whose condition is met",
            key: [allow(alice), deny(alice, when: when("Bool", "aws:SecureTransport", "false"))],
            keys: ["aws:SecureTransport": ["false"]],
            .explicitDeny(.keyPolicy)
        ),
        .init(
            "Bool false on an absent key is not met (\"Evaluation logic for missing keys\")",
            key: [allow(alice), deny(alice, when: when("Bool", "aws:SecureTransport", "false"))],
            .allowed
        ),
        .init(
            "BoolIfExists false on an absent key is met",
            key: [allow(alice), deny(alice, when: when("BoolIfExists", "aws:MultiFactorAuthPresent", "false"))],
            .explicitDeny(.keyPolicy)
        ),
    ]

    /// KMS Developer Guide, "Allowing users in other accounts to use a KMS key": both the key policy and an IAM policy of
    /// the other account must allow.
    static let otherAccounts: [Case] = [
        .init("named, with IAM policy", key: [allow(stranger)], identity: [allowKey], as: strangerSession, .allowed),
        .init("named, without IAM policy", key: [allow(stranger)], as: strangerSession, .implicitDeny(.identityPolicy)),
        .init(
            "account, with IAM policy",
            key: [allow("444455556666")],
            identity: [allowKey],
            as: strangerSession,
            .allowed
        ),
        .init(
            "account, without IAM policy",
            key: [allow("444455556666")],
            as: strangerSession,
            .implicitDeny(.identityPolicy)
        ),
        .init(
            "IAM policy alone",
            key: [enableIAM],
            identity: [allowAll],
            as: strangerSession,
            .implicitDeny(.keyPolicy)
        ),
        .init("everyone, without IAM policy", key: [allow("*")], as: strangerSession, .implicitDeny(.identityPolicy)),
        .init("everyone, with IAM policy", key: [allow("*")], identity: [allowKey], as: strangerSession, .allowed),
        .init("the other account's root", key: [allow("444455556666")], as: "arn:aws:iam::444455556666:root", .allowed),
        .init(
            "deny there",
            key: [allow(stranger)],
            identity: [allowKey, statement("Deny")],
            as: strangerSession,
            .explicitDeny(.identityPolicy)
        ),
        .init(
            "deny here",
            key: [allow(stranger), deny("444455556666")],
            identity: [allowKey],
            as: strangerSession,
            .explicitDeny(.keyPolicy)
        ),
        .init(
            "everyone of one account (kms:CallerAccount)",
            key: [
                statement("Allow", principal: aws("*"), condition: when("StringEquals", "kms:CallerAccount", account))
            ],
            identity: [allowKey],
            as: strangerSession,
            keys: ["kms:CallerAccount": [otherAccount]],
            .implicitDeny(.keyPolicy)
        ),
    ]

    /// KMS Developer Guide, "AWS KMS permissions": operations without a key resource are up to IAM policies.
    static let withoutKey: [Case] = ["kms:CreateKey", "kms:ListAliases", "kms:ListKeys", "kms:GenerateRandom"].flatMap {
        [
            Case(
                "\($0) with *",
                key: nil,
                identity: [statement("Allow", action: "\"\($0)\"")],
                doing: $0,
                on: "*",
                .allowed
            ),
            Case("\($0) without policy", key: nil, doing: $0, on: "*", .implicitDeny(.identityPolicy)),
            Case(
                "\($0) with a key as resource",
                key: nil,
                identity: [statement("Allow", resource: "\"\(keyARN)\"")],
                doing: $0,
                on: "*",
                .implicitDeny(.identityPolicy)
            ),
            Case(
                "\($0) denied",
                key: nil,
                identity: [allowAll, statement("Deny", action: "\"\($0)\"")],
                doing: $0,
                on: "*",
                .explicitDeny(.identityPolicy)
            ),
            Case("\($0) by the root user", key: nil, as: root, doing: $0, on: "*", .allowed),
        ]
    }

    /// KMS Developer Guide, "Controlling access to aliases": the alias itself is for IAM policies.
    static let aliases: [Case] = [
        .init(
            "alias",
            key: nil,
            identity: [statement("Allow", action: #""kms:CreateAlias""#, resource: "\"\(aliasARN)\"")],
            doing: "kms:CreateAlias",
            on: aliasARN,
            .allowed
        ),
        .init(
            "another alias",
            key: nil,
            identity: [
                statement(
                    "Allow",
                    action: #""kms:CreateAlias""#,
                    resource: #""arn:aws:kms:us-east-1:111122223333:alias/x*""#
                )
            ],
            doing: "kms:CreateAlias",
            on: aliasARN,
            .implicitDeny(.identityPolicy)
        ),
    ]

    /// KMS Developer Guide, "AWS KMS condition keys": of an operation that does not have the key, a condition on it is
    /// not met ("kms:MessageType […] Sign, Verify", "kms:RecipientAttestation […] Decrypt, DeriveSharedSecret,
    /// GenerateDataKey, GenerateDataKeyPair, GenerateRandom").
    static let conditionKeys: [Case] = [
        .init(
            "MessageType and Sign",
            key: [messageType],
            doing: "kms:Sign",
            keys: ["kms:MessageType": ["DIGEST"]],
            .allowed
        ),
        .init("MessageType and GetPublicKey", key: [messageType], doing: "kms:GetPublicKey", .implicitDeny(.keyPolicy)),
        .init(
            "MessageType RAW",
            key: [messageType],
            doing: "kms:Sign",
            keys: ["kms:MessageType": ["RAW"]],
            .implicitDeny(.keyPolicy)
        ),
        .init("RecipientAttestation on Sign", key: [attested], doing: "kms:Sign", .implicitDeny(.keyPolicy)),
        .init("RecipientAttestation, capitals", key: [attested], keys: [image: ["AB"]], .allowed),
        .init(
            "EncryptionContext: name of any case",
            key: [context],
            keys: ["kms:EncryptionContext:APPname": ["x"]],
            .allowed
        ),
        .init(
            "EncryptionContext: value of another case",
            key: [context],
            keys: ["kms:EncryptionContext:AppName": ["X"]],
            .implicitDeny(.keyPolicy)
        ),
        .init("EncryptionContext: none", key: [context], .implicitDeny(.keyPolicy)),
        .init("EncryptionContextKeys, ForAllValues on none", key: [contextKeys("ForAllValues")], .allowed),
        .init(
            "EncryptionContextKeys, ForAllValues",
            key: [contextKeys("ForAllValues")],
            keys: ["kms:EncryptionContextKeys": ["AppName", "x"]],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "EncryptionContextKeys, ForAnyValue",
            key: [contextKeys("ForAnyValue")],
            keys: ["kms:EncryptionContextKeys": ["AppName", "x"]],
            .allowed
        ),
        .init(
            "EncryptionContextKeys, ForAnyValue on none",
            key: [contextKeys("ForAnyValue")],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "Null: an encryption context is required",
            key: [
                statement("Allow", principal: aws("*"), condition: when("Null", "kms:EncryptionContextKeys", "false"))
            ],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "aws:PrincipalArn of a session is its role's",
            key: [
                statement(
                    "Allow",
                    principal: aws("*"),
                    condition: when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/signer")
                )
            ],
            as: session,
            keys: CallerIdentity(arn: session, account: account).conditionKeys,
            .allowed
        ),
        .init(
            "aws:PrincipalArn of a session is not the session's",
            key: [statement("Allow", principal: aws("*"), condition: when("ArnEquals", "aws:PrincipalArn", session))],
            as: session,
            keys: CallerIdentity(arn: session, account: account).conditionKeys,
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "kms:ViaService is absent: the positive operator does not hold",
            key: [
                statement(
                    "Allow",
                    principal: aws("*"),
                    condition: when("StringEquals", "kms:ViaService", "s3.us-east-1.amazonaws.com")
                )
            ],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "aws:SourceVpce is absent: the negated operator denies",
            key: [allow("*"), deny("*", when: when("StringNotEquals", "aws:SourceVpce", "vpce-1"))],
            .explicitDeny(.keyPolicy)
        ),
    ]
}

// MARK: Pieces

extension DocumentedPolicyTests {
    static let stranger = "arn:aws:iam::444455556666:role/ExampleRole"
    static let strangerSession = "arn:aws:sts::444455556666:assumed-role/ExampleRole/s"
    static let aliasARN = "arn:aws:kms:us-east-1:111122223333:alias/audit"
    static let allowAll = statement("Allow")
    static let allowKey = statement("Allow", action: #""kms:Decrypt""#, resource: "\"\(keyARN)\"")

    static func aws(_ principals: String...) -> String {
        #"{"AWS":[\#(principals.map { "\"\($0)\"" }.joined(separator: ","))]}"#
    }

    static func when(_ name: String, _ key: String, _ value: String) -> String {
        #"{"\#(name)":{"\#(key)":"\#(value)"}}"#
    }

    static let image = "kms:RecipientAttestation:ImageSha384"
    static let messageType = statement(
        "Allow",
        principal: aws("*"),
        action: #"["kms:Sign","kms:GetPublicKey"]"#,
        condition: when("StringEquals", "kms:MessageType", "DIGEST")
    )
    static let attested = statement(
        "Allow",
        principal: aws("*"),
        condition: when("StringEqualsIgnoreCase", image, "ab")
    )
    static let context = statement(
        "Allow",
        principal: aws("*"),
        condition: when("StringEquals", "kms:EncryptionContext:AppName", "x")
    )
    static func contextKeys(_ quantifier: String) -> String {
        statement(
            "Allow",
            principal: aws("*"),
            condition: when("\(quantifier):StringEquals", "kms:EncryptionContextKeys", "AppName")
        )
    }
    static func allow(_ principals: String...) -> String {
        statement("Allow", principal: #"{"AWS":[\#(principals.map { "\"\($0)\"" }.joined(separator: ","))]}"#)
    }
    static func deny(_ principal: String, when condition: String? = nil) -> String {
        statement("Deny", principal: aws(principal), condition: condition)
    }
    static func denyAllBut(_ principals: String...) -> String {
        let list = principals.map { "\"\($0)\"" }.joined(separator: ",")
        return #"{"Effect":"Deny","NotPrincipal":{"AWS":[\#(list)]},"Action":"*","Resource":"*"}"#
    }
}
