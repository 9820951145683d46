// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

// Who is named, and by which policy.

extension DocumentedPolicyTests {
    /// KMS Developer Guide, "Default key policy": "gives the account that owns the KMS key full access […] enables IAM
    /// policies"; "unlike other AWS resource policies, a key policy does not automatically give permission to the account
    /// or any of its identities".
    static let defaultPolicy: [Case] = [
        .init("root delegation without IAM policy", key: [enableIAM], .implicitDeny(.identityPolicy)),
        .init("root delegation with IAM policy", key: [enableIAM], identity: [allowKey], .allowed),
        .init("root delegation, the root user", key: [enableIAM], as: root, .allowed),
        .init(
            "root delegation, a session of a role with a policy",
            key: [enableIAM],
            identity: [allowKey],
            as: session,
            .allowed
        ),
        .init(
            "no root delegation: the IAM policy is ineffective",
            key: [statement("Allow", principal: aws(bob))],
            identity: [allowAll],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "no root delegation: not even the root user",
            key: [statement("Allow", principal: aws(bob))],
            as: root,
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "delegation of one action gives way to no other",
            key: [statement("Allow", principal: aws(root), action: #""kms:DescribeKey""#)],
            identity: [allowAll],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "delegation but for one action (NotAction)",
            key: [#"{"Effect":"Allow","Principal":\#(aws(root)),"NotAction":"kms:Decrypt","Resource":"*"}"#],
            identity: [allowAll],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "delegation but for one action leaves the others",
            key: [#"{"Effect":"Allow","Principal":\#(aws(root)),"NotAction":"kms:Decrypt","Resource":"*"}"#],
            identity: [allowAll],
            doing: "kms:Sign",
            .allowed
        ),
        .init(
            "an IAM policy for another key",
            key: [enableIAM],
            identity: [statement("Allow", resource: #""arn:aws:kms:us-east-1:111122223333:key/other""#)],
            .implicitDeny(.identityPolicy)
        ),
        .init(
            "an IAM policy that names the key by its alias (Developer Guide, \"Using IAM policies\": key ARN only)",
            key: [enableIAM],
            identity: [statement("Allow", resource: "\"\(aliasARN)\"")],
            .implicitDeny(.identityPolicy)
        ),
        .init(
            "IAM policy with kms:RequestAlias instead",
            key: [enableIAM],
            identity: [statement("Allow", condition: when("StringEquals", "kms:RequestAlias", "alias/audit"))],
            keys: ["kms:RequestAlias": ["alias/audit"]],
            .allowed
        ),
        .init(
            "IAM policy with kms:RequestAlias, the request names the key by id",
            key: [enableIAM],
            identity: [statement("Allow", condition: when("StringEquals", "kms:RequestAlias", "alias/audit"))],
            .implicitDeny(.identityPolicy)
        ),
        .init(
            "IAM policy with kms:ResourceAliases",
            key: [enableIAM],
            identity: [
                statement("Allow", condition: when("ForAnyValue:StringEquals", "kms:ResourceAliases", "alias/audit"))
            ],
            keys: ["kms:ResourceAliases": ["alias/other", "alias/audit"]],
            .allowed
        ),
    ]

    /// IAM User Guide, "AWS JSON policy elements: Principal".
    static let principals: [Case] = [
        .init("account id", key: [statement("Allow", principal: aws("111122223333"))], identity: [allowAll], .allowed),
        .init(
            "account id alone",
            key: [statement("Allow", principal: aws("111122223333"))],
            .implicitDeny(.identityPolicy)
        ),
        .init("account id denies everyone in it", key: [allow("*"), deny("111122223333")], .explicitDeny(.keyPolicy)),
        .init("root ARN denies everyone in it", key: [allow("*"), deny(root)], as: session, .explicitDeny(.keyPolicy)),
        .init("another account's id denies nobody here", key: [allow("*"), deny("444455556666")], .allowed),
        .init("everyone", key: [statement("Allow", principal: #""*""#)], .allowed),
        .init("everyone as an AWS principal", key: [allow("*")], as: session, .allowed),
        .init("a user", key: [allow(alice)], .allowed),
        .init("another user", key: [allow(bob)], .implicitDeny(.keyPolicy)),
        .init("a user by path", key: [allow(bob)], as: bob, .allowed),
        .init("a role names its sessions", key: [allow(role)], as: session, .allowed),
        .init("a session alone", key: [allow(session)], as: session, .allowed),
        .init(
            "a session is not its sibling",
            key: [allow(session)],
            as: "arn:aws:sts::111122223333:assumed-role/signer/session-2",
            .implicitDeny(.keyPolicy)
        ),
        .init("a role denies its sessions", key: [allow("*"), deny(role)], as: session, .explicitDeny(.keyPolicy)),
        .init("a session denies itself only", key: [allow("*"), deny(session)], .allowed),
        .init("several principals are alternatives", key: [allow(bob, role)], as: session, .allowed),
        .init(
            "a federated user",
            key: [allow("arn:aws:sts::111122223333:federated-user/carol")],
            as: "arn:aws:sts::111122223333:federated-user/carol",
            .allowed
        ),
        .init(
            "a service is nobody who calls here",
            key: [#"{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"*","Resource":"*"}"#],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "names of users have case",
            key: [allow("arn:aws:iam::111122223333:user/ALICE")],
            .implicitDeny(.keyPolicy)
        ),
        .init(
            "another partition",
            key: [allow("arn:aws-us-gov:iam::111122223333:user/alice")],
            .implicitDeny(.keyPolicy)
        ),
    ]

    /// IAM User Guide, "AWS JSON policy elements: NotPrincipal": "denies access to all but"; "you must also specify the
    /// account ARN of the not-denied principal", and for a session "the assumed role session and the role and the account".
    static let notPrincipals: [Case] = [
        .init("a user and its account are spared", key: [allow("*"), denyAllBut(alice, root)], .allowed),
        .init(
            "another user is denied",
            key: [allow("*"), denyAllBut(alice, root)],
            as: bob,
            .explicitDeny(.keyPolicy)
        ),
        .init(
            "without the account, the user is denied too",
            key: [allow("*"), denyAllBut(alice)],
            .explicitDeny(.keyPolicy)
        ),
        .init(
            "a session with role and account",
            key: [allow("*"), denyAllBut(session, role, root)],
            as: session,
            .allowed
        ),
        .init(
            "a session without its role",
            key: [allow("*"), denyAllBut(session, root)],
            as: session,
            .explicitDeny(.keyPolicy)
        ),
        .init(
            "a role alone does not spare its sessions",
            key: [allow("*"), denyAllBut(role, root)],
            as: session,
            .explicitDeny(.keyPolicy)
        ),
        .init("the account alone spares its root user", key: [allow("*"), denyAllBut(root)], as: root, .allowed),
        .init("the account alone spares no user", key: [allow("*"), denyAllBut(root)], .explicitDeny(.keyPolicy)),
    ]
}
