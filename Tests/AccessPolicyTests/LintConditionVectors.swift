// SPDX-License-Identifier: Apache-2.0

import PolicyTools

// Faults of conditions, of attestation, and of what a statement is about.

let presenceVectors: [LintVector] =
    [
        "aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:sourcevpc", "aws:ViaAWSService", "kms:ViaService",
    ].map { key in
        .init(
            .keyNeverPresent,
            at: 1,
            signing(
                condition(
                    key.hasSuffix("Ip")
                        ? "IpAddress" : key.hasSuffix("Service") && key.hasPrefix("aws") ? "Bool" : "StringEquals",
                    [key: key.hasSuffix("Ip") ? "10.0.0.0/8" : key.hasPrefix("aws:Via") ? "false" : "x"]
                )
            )
        )
    } + [
        .init(
            .keyAbsentForAction,
            at: 1,
            signing(
                condition("StringEquals", ["kms:MessageType": "DIGEST"]),
                action: #"["kms:Sign","kms:GetPublicKey","kms:DescribeKey"]"#
            )
        ),
        .init(
            .keyAbsentForAction,
            at: 1,
            signing(
                condition("StringEquals", ["kms:SigningAlgorithm": "ECDSA_SHA_256"]),
                action: #"["kms:Sign","kms:ListGrants"]"#
            )
        ),
        .init(
            .keyAbsentForAction,
            at: 2,
            policy(
                administration,
                statement("Allow", principal: signer, action: #"["kms:Sign","kms:Verify"]"#),
                statement(
                    "Deny",
                    principal: anyone,
                    action: #"["kms:Sign","kms:GetPublicKey"]"#,
                    condition: condition("StringNotEquals", ["kms:MessageType": "DIGEST"])
                )
            )
        ),
        .init(
            .ifExistsInAllow,
            at: 1,
            signing(condition("StringEqualsIfExists", ["kms:RequestAlias": "alias/audit"]))
        ),
        .init(
            .ifExistsInAllow,
            at: 1,
            policy(
                administration,
                attested(
                    #"{"StringEqualsIfExists":{"\#(imageKey)":"\#(imagePCR)","kms:RecipientAttestation:PCR16":"\#(configurationPCR)"}}"#
                ),
                imageGate,
                configurationGate
            )
        ),
        .init(
            .forAllValuesInAllow,
            at: 1,
            policy(
                administration,
                attested(
                    #"{"ForAllValues:StringEquals":{"\#(imageKey)":"\#(imagePCR)","kms:RecipientAttestation:PCR16":"\#(configurationPCR)"}}"#
                ),
                imageGate,
                configurationGate
            )
        ),
        .init(
            .forAllValuesInAllow,
            at: 1,
            signing(condition("ForAllValues:StringEquals", ["kms:ResourceAliases": "alias/audit"]))
        ),
        .init(
            .negatedInAllow,
            at: 1,
            signing(condition("StringNotEquals", ["kms:RequestAlias": "alias/root"]))
        ),
        .init(
            .negatedInAllow,
            at: 2,
            policy(
                administration,
                enclave,
                attested(condition("StringNotEquals", [imageKey: imagePCR.replacing("a1", with: "00")])),
                imageGate,
                configurationGate
            )
        ),
        .init(
            .denyMissesAbsence,
            at: 2,
            policy(
                administration,
                enclave,
                gate(#"{"StringNotEqualsIgnoreCase":{"\#(imageKey)":"\#(imagePCR)"},"Null":{"\#(imageKey)":"false"}}"#)
            )
        ),
        .init(
            .denyMissesAbsence,
            at: 2,
            policy(administration, enclave, gate(condition("ForAnyValue:StringNotEquals", [imageKey: imagePCR])))
        ),
    ]
    + ["Sign", "Verify", "Encrypt", "GenerateMac", "GenerateDataKeyWithoutPlaintext"].map { operation in
        .init(
            .attestationNeverPresent,
            at: 1,
            policy(
                administration,
                statement(
                    "Allow",
                    principal: signer,
                    action: #""kms:\#(operation)""#,
                    condition: condition(
                        "StringEqualsIgnoreCase",
                        [imageKey: imagePCR, "kms:RecipientAttestation:PCR16": configurationPCR]
                    )
                )
            )
        )
    }

let attestationVectors: [LintVector] = [
    // An unconditioned Allow beside the conditioned one: the account's IAM policies, or a second role.
    .init(.attestationNotEnforced, at: 0, policy(enableIAM, enclave)),
    .init(
        .attestationNotEnforced,
        at: 2,
        policy(
            administration,
            enclave,
            statement("Allow", principal: #"{"AWS":"\#(alice)"}"#, action: #"["kms:Encrypt","kms:Decrypt"]"#)
        )
    ),
    // A Deny that does not reach the one who is let in.
    .init(
        .attestationNotEnforced,
        at: 0,
        policy(
            enableIAM,
            enclave,
            reEncryptGate,
            statement(
                "Deny",
                principal: signer,
                action: #""kms:Decrypt""#,
                condition: condition("StringNotEqualsIgnoreCase", [imageKey: imagePCR])
            )
        )
    ),
    .init(.noAttestationDeny, at: 1, policy(administration, enclave)),
    .init(
        .denyOnlyAbsence,
        at: 0,
        policy(enableIAM, enclave, reEncryptGate, gate(#"{"Null":{"\#(imageKey)":"true"}}"#))
    ),
    .init(
        .denyConditionsANDed,
        at: 2,
        policy(
            enableIAM,
            enclave,
            gate(
                condition(
                    "StringNotEqualsIgnoreCase",
                    [imageKey: imagePCR, "kms:RecipientAttestation:PCR16": configurationPCR]
                )
            ),
            reEncryptGate
        )
    ),
    .init(.reEncryptOpen, at: 0, policy(enableIAM, enclave, imageGate, configurationGate)),
    .init(.unattestedDecrypt, identity(#""kms:Decrypt""#)),
    .init(
        .unattestedDecrypt,
        at: 1,
        policy(administration, statement("Allow", principal: signer, action: #""kms:Decrypt""#))
    ),
    .init(
        .imageNotPinned,
        at: 1,
        policy(
            administration,
            attested(condition("StringEqualsIgnoreCase", ["kms:RecipientAttestation:PCR16": configurationPCR])),
            configurationGate
        )
    ),
    .init(
        .configurationNotPinned,
        at: 1,
        policy(administration, attested(condition("StringEqualsIgnoreCase", [imageKey: imagePCR])), imageGate)
    ),
    measured(.zeroPCR, String(repeating: "0", count: 96)),
    measured(.pcrValue, String(imagePCR.dropLast())),
    measured(.pcrValue, String(imagePCR.prefix(64))),
    measured(.pcrValue, "0x" + imagePCR),
    measured(.pcrValue, "PCR0_VALUE_HERE"),
    measured(.pcrCase, imagePCR.uppercased(), using: "StringEquals"),
    measured(.pcrWildcard, "a1b2*", using: "StringLike"),
]

/// A policy whose Allow has such an image.
private func measured(_ fault: PolicyFault, _ value: String, using name: String = "StringEqualsIgnoreCase")
    -> LintVector
{
    let condition =
        #"{"\#(name)":{"\#(imageKey)":"\#(value)"},"StringEquals":{"kms:RecipientAttestation:PCR16":"\#(configurationPCR)"}}"#
    return .init(
        fault,
        at: 1,
        policy(
            administration,
            attested(
                name == "StringEquals"
                    ? AccessPolicyTests.condition(
                        name,
                        [imageKey: value, "kms:RecipientAttestation:PCR16": configurationPCR]
                    )
                    : condition
            ),
            imageGate,
            configurationGate
        )
    )
}

let scopeVectors: [LintVector] = [
    .init(
        .wildcardPrincipal,
        at: 1,
        policy(administration, statement("Allow", principal: anyone, action: #""kms:Sign""#))
    ),
    .init(
        .wildcardPrincipal,
        at: 1,
        policy(administration, statement("Allow", principal: #"{"AWS":["\#(role)","*"]}"#, action: #""kms:Sign""#))
    ),
    .init(
        .notPrincipal,
        at: 1,
        policy(
            enableIAM,
            #"{"Effect":"Deny","NotPrincipal":{"AWS":["\#(root)","\#(alice)"]},"Action":"kms:Sign","Resource":"*"}"#
        )
    ),
    .init(.lockOut, at: nil, policy(statement("Allow", principal: signer, action: #""kms:Sign""#))),
    .init(.lockOut, at: nil, policy(enableIAM, statement("Deny", principal: anyone, action: #""kms:Put*""#))),
    .init(.allActions, at: 1, policy(enableIAM, statement("Allow", principal: signer, action: #""kms:*""#))),
    .init(
        .allActions,
        at: 1,
        policy(enableIAM, #"{"Effect":"Allow","Principal":\#(signer),"NotAction":"kms:Decrypt","Resource":"*"}"#)
    ),
    .init(.allActions, identity(#""kms:*""#)),
    .init(
        .grantsOpen,
        at: 1,
        policy(administration, statement("Allow", principal: signer, action: #"["kms:Sign","kms:CreateGrant"]"#))
    ),
    .init(.grantsOpen, identity(#"["kms:Create*","kms:Sign"]"#)),
    .init(.aliasAsResource, identity(resource: #""arn:aws:kms:us-east-1:111122223333:alias/audit""#)),
    .init(
        .aliasAsResource,
        at: 1,
        policy(
            administration,
            statement(
                "Allow",
                principal: signer,
                action: #""kms:Sign""#,
                resource: #""arn:aws:kms:us-east-1:111122223333:alias/audit""#
            )
        )
    ),
    .init(.wideResource, identity(resource: #""*""#)),
    .init(.wideResource, identity(resource: #""arn:aws:kms:*:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab""#)),
    .init(
        .keyPolicyResource,
        at: 1,
        policy(
            administration,
            statement("Allow", principal: signer, action: #""kms:Sign""#, resource: #""\#(keyARN)""#)
        )
    ),
    .init(.resourcelessAction, identity(#"["kms:Sign","kms:ListAliases"]"#)),
    .init(
        .resourcelessAction,
        at: 1,
        policy(administration, statement("Allow", principal: signer, action: #"["kms:Sign","kms:GenerateRandom"]"#))
    ),
    .init(.mixedKeyUsage, identity(#"["kms:Sign","kms:GenerateMac","kms:DescribeKey"]"#)),
    .init(
        .mixedKeyUsage,
        at: 1,
        policy(administration, statement("Allow", principal: signer, action: #"["kms:Verify","kms:VerifyMac"]"#))
    ),
    .init(
        .conditionNotEnforced,
        at: 1,
        policy(
            enableIAM,
            statement(
                "Allow",
                principal: signer,
                action: #""kms:Sign""#,
                condition: condition("StringEquals", ["kms:MessageType": "DIGEST"])
            )
        )
    ),
    .init(.openSubject, trust(#"{"StringEquals":{\#(audience)}}"#)),
    .init(
        .openSubject,
        trust(#"{"StringEquals":{\#(audience)},"StringLike":{"token.actions.githubusercontent.com:sub":"repo:o/n:*"}}"#)
    ),
]
