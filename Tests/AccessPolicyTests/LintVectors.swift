// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import PolicyTools
import Testing

/// A policy with one fault, and no other.
struct LintVector: Sendable, CustomTestStringConvertible {
    let fault: PolicyFault
    let json: [UInt8]
    /// The statement that is at fault; nil for the document.
    let statement: Int?
    /// What the mend must propose.
    let proposes: String?

    init(_ fault: PolicyFault, at statement: Int? = 0, proposes: String? = nil, _ json: [UInt8]) {
        self.fault = fault
        self.statement = statement
        self.proposes = proposes
        self.json = json
    }

    var testDescription: String { "\(fault.rawValue): \(String(decoding: json.prefix(200), as: UTF8.self))" }
}

// MARK: Parts

/// PCR0 and PCR16 of an enclave.
let imagePCR = String(repeating: "a1b2c3d4e5f60718", count: 6)
let configurationPCR = String(repeating: "0f1e2d3c4b5a6978", count: 6)

let imageKey = "kms:RecipientAttestation:ImageSha384"
let anyone = #""*""#
let signer = #"{"AWS":"\#(role)"}"#

/// `{"StringEquals":{"kms:MessageType":"DIGEST"}}`
func condition(_ name: String, _ keys: [String: String]) -> String {
    let members = keys.sorted { $0.key < $1.key }.map {
        #""\#($0.key)":\#($0.value.hasPrefix("[") ? $0.value : "\"\($0.value)\"")"#
    }
    return #"{"\#(name)":{\#(members.joined(separator: ","))}}"#
}

/// What manages a key, and does not use it.
let administration = statement(
    "Allow",
    principal: #"{"AWS":"\#(root)"}"#,
    action: #"["kms:Describe*","kms:Get*","kms:List*","kms:Put*","kms:Update*","kms:ScheduleKeyDeletion"]"#
)

/// The attested enclave's Decrypt, with conditions of one's own.
func attested(_ condition: String) -> String {
    statement("Allow", principal: signer, action: #""kms:Decrypt""#, condition: condition)
}

let enclave = attested(
    condition("StringEqualsIgnoreCase", [imageKey: imagePCR, "kms:RecipientAttestation:PCR16": configurationPCR])
)

/// One Deny of Decrypt.
func gate(_ condition: String) -> String {
    statement("Deny", principal: anyone, action: #""kms:Decrypt""#, condition: condition)
}

let imageGate = gate(condition("StringNotEqualsIgnoreCase", [imageKey: imagePCR]))
let configurationGate = gate(
    condition("StringNotEqualsIgnoreCase", ["kms:RecipientAttestation:PCR16": configurationPCR])
)
let reEncryptGate = statement("Deny", principal: anyone, action: #""kms:ReEncrypt*""#)

/// A role's Sign under a condition, in a key policy whose account has no say in that.
func signing(_ condition: String, action: String = #""kms:Sign""#) -> [UInt8] {
    policy(administration, statement("Allow", principal: signer, action: action, condition: condition))
}

/// An IAM policy's only statement.
func identity(
    _ action: String = #""kms:Sign""#,
    resource: String = #""\#(keyARN)""#,
    condition: String? = nil
) -> [UInt8] {
    policy(statement("Allow", action: action, resource: resource, condition: condition))
}

func trust(_ condition: String) -> [UInt8] {
    Array(
        #"""
        {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
        "Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
        "Condition":\#(condition)}]}
        """#.utf8
    )
}

let audience = #""token.actions.githubusercontent.com:aud":"sts.amazonaws.com""#

// MARK: Clean

/// Policies in which nothing is wrong.
let cleanPolicies: [[UInt8]] = [
    policy(enableIAM),
    policy(administration, enclave, imageGate, configurationGate, reEncryptGate),
    // The account's IAM policies may do all but what the Denies take from everybody.
    policy(enableIAM, enclave, imageGate, configurationGate, reEncryptGate),
    // A sink for enclaves in debug mode.
    policy(
        administration,
        enclave,
        imageGate,
        configurationGate,
        gate(condition("StringEquals", [imageKey: String(repeating: "0", count: 96)]))
    ),
    signing(condition("StringEquals", ["kms:MessageType": "DIGEST", "kms:SigningAlgorithm": "ECDSA_SHA_256"])),
    signing(condition("StringEquals", ["kms:MessageType": "RAW", "kms:SigningAlgorithm": "ED25519_SHA_512"])),
    // IfExists where the key is always there, for those actions that have none.
    signing(
        condition("StringEqualsIfExists", ["kms:MessageType": "DIGEST"]),
        action: #"["kms:Sign","kms:GetPublicKey","kms:DescribeKey"]"#
    ),
    signing(condition("ForAnyValue:StringEquals", ["kms:ResourceAliases": "alias/audit"])),
    signing(
        #"{"ForAllValues:StringEquals":{"kms:ResourceAliases":"alias/audit"},"Null":{"kms:ResourceAliases":"false"}}"#
    ),
    policy(
        administration,
        statement(
            "Allow",
            principal: anyone,
            action: #""kms:Sign""#,
            condition: condition("StringEquals", ["aws:PrincipalAccount": account])
        )
    ),
    identity(#"["kms:Sign","kms:GetPublicKey","kms:DescribeKey"]"#),
    identity(#"["kms:ListAliases","kms:ListKeys"]"#, resource: #""*""#),
    identity(#"["kms:Sign","s3:GetObject"]"#),
    identity(
        #""kms:Decrypt""#,
        condition: condition(
            "StringEqualsIgnoreCase",
            [imageKey: imagePCR, "kms:RecipientAttestation:PCR16": configurationPCR]
        )
    ),
    identity(#""kms:UpdateAlias""#, resource: #"["\#(keyARN)","arn:aws:kms:us-east-1:111122223333:key/mrk-1234"]"#),
    identity(
        #""kms:Sign""#,
        resource: #""*""#,
        condition: condition("StringEquals", ["kms:RequestAlias": "alias/audit"])
    ),
    trust(#"{"StringEquals":{\#(audience),"token.actions.githubusercontent.com:sub":"repo:o/n:environment:release"}}"#),
]

// MARK: One fault each

let lintVectors: [LintVector] = refusedVectors + nameVectors + presenceVectors + attestationVectors + scopeVectors

private let refusedVectors: [LintVector] = [
    .init(.notJSON, at: nil, Array(#"{"Version":"2012-10-17","Statement":[],}"#.utf8)),
    .init(.notJSON, at: nil, Array("// a comment\n{}".utf8)),
    .init(.notJSON, at: nil, Array(#"{"Statement":{"Effect":"Allow","Effect":"Deny"}}"#.utf8)),
    .init(.notJSON, at: nil, Array("[]".utf8)),
    .init(.malformedPolicy, policy(#"{"Effect":"allow","Principal":"*","Action":"kms:Sign","Resource":"*"}"#)),
    .init(.malformedPolicy, policy(#"{"Effect":"Deny","Principal":"*","Action":"kms:Sign"}"#)),
    .init(.malformedPolicy, at: nil, policy(enableIAM, version: "2012-10-18")),
    .init(
        .malformedPolicy,
        at: nil,
        Array(#"{"Version":"2012-10-17","Id":"“key”","Statement":[\#(enableIAM)]}"#.utf8)
    ),
    .init(
        .unknownElement,
        proposes: "\"Condition\"",
        policy(#"{"Effect":"Allow","Principal":{"AWS":"\#(root)"},"Action":"kms:*","Resource":"*","Conditions":{}}"#)
    ),
    .init(
        .policyTooLarge,
        at: nil,
        policy(
            enableIAM,
            statement("Deny", principal: anyone, action: #""kms:Sign""#) + String(repeating: " ", count: 40_000)
        )
    ),
    .init(
        .sidCharacters,
        policy(#"{"Sid":"Allow signing","Effect":"Allow","Action":"kms:Sign","Resource":"\#(keyARN)"}"#)
    ),
    .init(.placeholder, identity(resource: #""arn:aws:kms:REGION:ACCOUNT:key/KEY_ID""#)),
    .init(.placeholder, identity(resource: #""arn:aws:kms:us-east-1:111122223333:key/<KeyId>""#)),
    .init(
        .placeholder,
        at: 1,
        policy(
            administration,
            statement("Allow", principal: #"{"AWS":"arn:aws:iam::ACCOUNT_ID:role/signer"}"#, action: #""kms:Sign""#)
        )
    ),
    .init(
        .unknownOperator,
        at: 1,
        proposes: "StringEquals.",
        signing(condition("StringsEqual", ["kms:MessageType": "RAW"]))
    ),
    .init(
        .unknownOperator,
        at: 1,
        proposes: "StringEqualsIgnoreCase.",
        signing(condition("StringEqualIgnoreCase", ["kms:MessageType": "RAW"]))
    ),
    .init(.policyVariable, identity(resource: #""arn:aws:kms:us-east-1:111122223333:key/${username}""#)),
    .init(
        .variableIn2008,
        policy(
            statement(
                "Allow",
                action: #""kms:Sign""#,
                resource: #""arn:aws:kms:us-east-1:111122223333:key/${aws:username}""#
            ),
            version: "2008-10-17"
        )
    ),
    .init(.versionMissing, at: nil, Array(#"{"Statement":[\#(enableIAM)]}"#.utf8)),
]

private let nameVectors: [LintVector] = [
    .init(.unknownAction, proposes: "kms:Decrypt.", identity(#"["kms:Sign","kms:Decypt"]"#)),
    .init(
        .unknownAction,
        proposes: "kms:ReEncryptFrom and kms:ReEncryptTo",
        identity(#"["kms:Sign","kms:ReEncrypt"]"#)
    ),
    .init(.unknownAction, identity(#"["kms:Sign","kms:Frobnicate*"]"#)),
    .init(.unknownAction, proposes: "keybroker:GetStatus.", identity(#"["kms:Sign","keybroker:Status"]"#)),
    .init(
        .foreignAction,
        at: 1,
        policy(administration, statement("Allow", principal: signer, action: #"["kms:Sign","s3:GetObject"]"#))
    ),
    .init(
        .unknownConditionKey,
        at: 1,
        proposes: "kms:SigningAlgorithm.",
        signing(condition("StringEquals", ["kms:SignAlgorithm": "ECDSA_SHA_256"]))
    ),
    .init(
        .unknownConditionKey,
        at: 1,
        proposes: "kms:MessageType.",
        signing(condition("StringEquals", ["kms:messagetypes": "DIGEST"]))
    ),
    .init(
        .unknownConditionKey,
        at: 1,
        proposes: imageKey,
        policy(
            administration,
            statement(
                "Allow",
                principal: signer,
                action: #""kms:Encrypt""#,
                condition: condition("StringEquals", ["kms:RecipientAttestation": imagePCR])
            )
        )
    ),
    .init(
        .unknownConditionKey,
        at: 1,
        proposes: "kms:RecipientAttestation:PCR0.",
        policy(
            administration,
            statement(
                "Allow",
                principal: signer,
                action: #""kms:Encrypt""#,
                condition: condition("StringEquals", ["kms:RecipientAttestation:PCR00": imagePCR])
            )
        )
    ),
    .init(
        .unknownConditionKey,
        at: 1,
        signing(condition("StringEquals", ["kms:RecipientAttestation:PCR32": imagePCR]))
    ),
    .init(
        .unknownValue,
        at: 1,
        proposes: "ED25519_SHA_512.",
        signing(condition("StringEquals", ["kms:SigningAlgorithm": "Ed25519"]))
    ),
    .init(
        .unknownValue,
        at: 1,
        proposes: "ECDSA_SHA_256.",
        signing(condition("StringEquals", ["kms:SigningAlgorithm": "ECDSA-SHA-256"]))
    ),
    .init(
        .unknownValue,
        at: 1,
        proposes: "RSASSA_PKCS1_V1_5_SHA_256.",
        signing(condition("StringLike", ["kms:SigningAlgorithm": "rsa-sha256"]))
    ),
    .init(
        .unknownValue,
        at: 1,
        proposes: "ECC_NIST_EDWARDS25519.",
        signing(condition("StringEquals", ["kms:KeySpec": "ECC_ED25519"]))
    ),
    .init(.unknownValue, at: 1, proposes: "DIGEST.", signing(condition("StringEquals", ["kms:MessageType": "digest"]))),
    .init(
        .unknownValue,
        at: 1,
        proposes: "SIGN_VERIFY.",
        signing(condition("StringEquals", ["kms:KeyUsage": "SIGN-VERIFY"]))
    ),
    .init(.unknownValue, at: 1, proposes: "alias/", signing(condition("StringEquals", ["kms:RequestAlias": "audit"]))),
    .init(
        .unknownValue,
        at: 1,
        proposes: "HMAC_SHA_256.",
        signing(condition("StringEquals", ["kms:MacAlgorithm": "HS256"]), action: #""kms:GenerateMac""#)
    ),
    .init(
        .incompatibleValues,
        at: 1,
        proposes: #""RAW""#,
        signing(condition("StringEquals", ["kms:MessageType": "DIGEST", "kms:SigningAlgorithm": "ED25519_SHA_512"]))
    ),
    .init(.operatorType, at: 1, signing(condition("IpAddress", ["kms:CallerAccount": "10.0.0.0"]))),
    .init(.missingQuantifier, at: 1, signing(condition("StringEquals", ["kms:ResourceAliases": "alias/audit"]))),
]
