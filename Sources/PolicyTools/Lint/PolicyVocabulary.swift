// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

/// What is known of a condition key (KMS Developer Guide, "AWS KMS condition keys"; IAM User Guide, "AWS global
/// condition context keys").
struct ConditionKeyRule: Sendable {
    enum ValueType: Sendable {
        case string
        case bool
        case number
        case date
        case arn
        case address
    }

    /// As AWS spells it; of a family (`kms:EncryptionContext:…`) up to and including the separator.
    let name: String
    var type: ValueType = .string
    /// Actions whose requests can have it; nil for all.
    var actions: Set<String>?
    /// Whether these requests always have it.
    var isAlwaysThere = false
    var isMultivalued = false
    /// All values that there are; empty if they are not of a fixed set.
    var values: [String] = []
    /// Why requests to the broker never have it; nil if they can.
    var absence: String?

    var isFamily: Bool { name.hasSuffix(":") || name.hasSuffix("/") }
}

/// Names of KMS (service model 2014-11-01 and "Actions, resources, and condition keys for AWS KMS") and of the broker.
enum PolicyVocabulary {
    static let attestation = "kms:RecipientAttestation:"
    static let imageKey = "kms:recipientattestation:imagesha384"

    /// ReEncrypt is authorised as ReEncryptFrom and ReEncryptTo.
    static let kmsActions: [String] = [
        "CancelKeyDeletion", "ConnectCustomKeyStore", "CreateAlias", "CreateCustomKeyStore", "CreateGrant", "CreateKey",
        "Decrypt", "DeleteAlias", "DeleteCustomKeyStore", "DeleteImportedKeyMaterial", "DeriveSharedSecret",
        "DescribeCustomKeyStores", "DescribeKey", "DisableKey", "DisableKeyRotation", "DisconnectCustomKeyStore",
        "EnableKey", "EnableKeyRotation", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GenerateRandom",
        "GetKeyLastUsage", "GetKeyPolicy", "GetKeyRotationStatus", "GetParametersForImport", "GetPublicKey",
        "ImportKeyMaterial", "ListAliases", "ListGrants", "ListKeyPolicies", "ListKeyRotations", "ListKeys",
        "ListResourceTags", "ListRetirableGrants", "PutKeyPolicy", "ReEncryptFrom", "ReEncryptTo", "ReplicateKey",
        "RetireGrant", "RevokeGrant", "RotateKeyOnDemand", "ScheduleKeyDeletion", "Sign", "SynchronizeMultiRegionKey",
        "TagResource", "UntagResource", "UpdateAlias", "UpdateCustomKeyStore", "UpdateKeyDescription",
        "UpdatePrimaryRegion", "Verify", "VerifyMac",
    ].map { "kms:\($0)" }

    /// The broker's own, which `kms:*` does not cover.
    static let brokerActions: [String] = [
        "GetStatus", "GetAttestation", "CreatePrincipal", "DeletePrincipal", "ListPrincipals", "PutPrincipalPolicy",
    ].map { "keybroker:\($0)" }

    static let actions = kmsActions + brokerActions

    /// Actions that are on no key: only an IAM policy can grant them, on `*`.
    static let keyless: Set<String> = [
        "kms:CreateKey", "kms:GenerateRandom", "kms:ListKeys", "kms:ListAliases", "kms:CreateCustomKeyStore",
        "kms:DescribeCustomKeyStores", "kms:ConnectCustomKeyStore", "kms:DisconnectCustomKeyStore",
        "kms:DeleteCustomKeyStore", "kms:UpdateCustomKeyStore", "kms:ListRetirableGrants",
    ]

    /// Actions that have an alias for a resource too.
    static let onAliases: Set<String> = ["kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias"]

    /// The operations that take a Recipient, and so can have an attestation.
    static let attested: Set<String> = [
        "kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:GenerateRandom", "kms:DeriveSharedSecret",
    ]

    /// Those that answer with a secret of the key's, or made under it.
    static let secret = ["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:DeriveSharedSecret"]

    /// Of these, what opens a secret that was there before; the others make a new one, for the caller.
    static let opening = ["kms:Decrypt", "kms:DeriveSharedSecret"]

    /// What a key of one usage does, and no other: KeyUsage is chosen when the key is made.
    static let usages: [(name: String, actions: Set<String>)] = [
        ("SIGN_VERIFY", signing), ("GENERATE_VERIFY_MAC", macs), ("ENCRYPT_DECRYPT", encrypting),
        ("KEY_AGREEMENT", ["kms:DeriveSharedSecret"]),
    ]

    static func rule(forKey key: String) -> ConditionKeyRule? {
        let folded = key.lowercased()
        if folded.hasPrefix(attestation.lowercased()) {
            return isAttestationKey(folded.dropFirst(attestation.utf8.count)) ? rules[attestation.lowercased()] : nil
        }
        if let rule = rules[folded], !rule.isFamily { return rule }
        return families.first { folded.hasPrefix($0.name.lowercased()) && folded.utf8.count > $0.name.utf8.count }
    }

    /// ImageSha384, PCR0 to PCR31, NitroTPMPCR0 to NitroTPMPCR23.
    private static func isAttestationKey(_ name: Substring) -> Bool {
        if name == "imagesha384" { return true }
        for (prefix, last) in [("pcr", 31), ("nitrotpmpcr", 23)] where name.hasPrefix(prefix) {
            let digits = String(name.dropFirst(prefix.count))
            return Int(digits).map { $0 <= last && String($0) == digits } ?? false
        }
        return false
    }

    /// Names that a misspelled key may have meant.
    static let keyNames: [String] =
        rules.values.map(\.name).filter { !$0.hasSuffix(":") && !$0.hasSuffix("/") }.sorted()
        + [attestation + "ImageSha384", attestation + "PCR0", attestation + "PCR16"]

    private static let families = rules.values.filter(\.isFamily)
    private static let rules = Dictionary(
        uniqueKeysWithValues: (kmsRules + globalRules).map { ($0.name.lowercased(), $0) }
    )

    // MARK: Keys of KMS

    private static let signing: Set<String> = ["kms:Sign", "kms:Verify"]
    private static let macs: Set<String> = ["kms:GenerateMac", "kms:VerifyMac"]
    private static let encrypting: Set<String> = [
        "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair",
        "kms:GenerateDataKeyPairWithoutPlaintext", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ]
    private static let onKeys = Set(kmsActions).subtracting(keyless)
    /// A request names a key by an alias where it may.
    private static let byAlias = encrypting.union(signing).union(macs)
        .union(["kms:DescribeKey", "kms:GetPublicKey", "kms:DeriveSharedSecret"])
    private static let specs = [
        "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
        "SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2", "ML_DSA_44", "ML_DSA_65",
        "ML_DSA_87", "ECC_NIST_EDWARDS25519",
    ]

    private static let kmsRules: [ConditionKeyRule] = [
        .init(name: attestation, actions: attested),
        .init(
            name: "kms:MessageType",
            actions: signing,
            isAlwaysThere: true,
            values: ["RAW", "DIGEST", "EXTERNAL_MU"]
        ),
        .init(
            name: "kms:SigningAlgorithm",
            actions: signing,
            isAlwaysThere: true,
            values: [
                "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", "RSASSA_PKCS1_V1_5_SHA_256",
                "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "ECDSA_SHA_256", "ECDSA_SHA_384",
                "ECDSA_SHA_512", "SM2DSA", "ML_DSA_SHAKE_256", "ED25519_SHA_512", "ED25519_PH_SHA_512",
            ]
        ),
        .init(
            name: "kms:MacAlgorithm",
            actions: macs,
            isAlwaysThere: true,
            values: ["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"]
        ),
        .init(
            name: "kms:EncryptionAlgorithm",
            actions: encrypting,
            isAlwaysThere: true,
            values: ["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"]
        ),
        .init(
            name: "kms:KeyAgreementAlgorithm",
            actions: ["kms:DeriveSharedSecret"],
            isAlwaysThere: true,
            values: ["ECDH"]
        ),
        .init(
            name: "kms:DataKeyPairSpec",
            actions: ["kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext"],
            isAlwaysThere: true,
            values: specs.filter { $0.hasPrefix("RSA") || $0.hasPrefix("ECC") || $0 == "SM2" }
        ),
        .init(name: "kms:EncryptionContext:", actions: encrypting.union(["kms:CreateGrant", "kms:RetireGrant"])),
        .init(
            name: "kms:EncryptionContextKeys",
            actions: encrypting.union(["kms:CreateGrant"]),
            isMultivalued: true
        ),
        .init(name: "kms:KeySpec", actions: onKeys.union(["kms:CreateKey"]), isAlwaysThere: true, values: specs),
        .init(
            name: "kms:KeyUsage",
            actions: onKeys.union(["kms:CreateKey"]),
            isAlwaysThere: true,
            values: ["SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"]
        ),
        .init(
            name: "kms:KeyOrigin",
            actions: onKeys.union(["kms:CreateKey"]),
            isAlwaysThere: true,
            values: ["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"]
        ),
        .init(name: "kms:MultiRegion", type: .bool, actions: onKeys.union(["kms:CreateKey"]), isAlwaysThere: true),
        .init(name: "kms:MultiRegionKeyType", actions: onKeys, values: ["PRIMARY", "REPLICA"]),
        .init(name: "kms:PrimaryRegion", actions: ["kms:UpdatePrimaryRegion"]),
        .init(name: "kms:ReplicaRegion", actions: ["kms:ReplicateKey"]),
        .init(name: "kms:CallerAccount", actions: onKeys, isAlwaysThere: true),
        .init(name: "kms:ViaService", actions: onKeys, absence: "no AWS service calls the broker for somebody"),
        .init(name: "kms:RequestAlias", actions: byAlias),
        .init(name: "kms:ResourceAliases", actions: onKeys, isMultivalued: true),
        .init(
            name: "kms:BypassPolicyLockoutSafetyCheck",
            type: .bool,
            actions: ["kms:CreateKey", "kms:PutKeyPolicy"],
            isAlwaysThere: true
        ),
        .init(
            name: "kms:ReEncryptOnSameKey",
            type: .bool,
            actions: ["kms:ReEncryptFrom", "kms:ReEncryptTo"],
            isAlwaysThere: true
        ),
        .init(
            name: "kms:ScheduleKeyDeletionPendingWindowInDays",
            type: .number,
            actions: ["kms:ScheduleKeyDeletion"],
            isAlwaysThere: true
        ),
        .init(name: "kms:RotationPeriodInDays", type: .number, actions: ["kms:EnableKeyRotation"]),
        .init(name: "kms:ExpirationModel", actions: ["kms:ImportKeyMaterial"]),
        .init(name: "kms:ValidTo", type: .date, actions: ["kms:ImportKeyMaterial"]),
        .init(name: "kms:WrappingAlgorithm", actions: ["kms:GetParametersForImport"]),
        .init(name: "kms:WrappingKeySpec", actions: ["kms:GetParametersForImport"]),
        .init(name: "kms:GrantConstraintType", actions: ["kms:CreateGrant"]),
        .init(
            name: "kms:GrantIsForAWSResource",
            type: .bool,
            actions: ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
        ),
        .init(name: "kms:GrantOperations", actions: ["kms:CreateGrant"], isMultivalued: true),
        .init(name: "kms:GranteePrincipal", actions: ["kms:CreateGrant"]),
        .init(name: "kms:RetiringPrincipal", actions: ["kms:CreateGrant"]),
        .init(name: "kms:CustomerMasterKeySpec", values: specs),
        .init(name: "kms:CustomerMasterKeyUsage"),
    ]

    // MARK: Global keys

    private static let fromHost = "only the host could supply it, which is not believed"

    private static let globalRules: [ConditionKeyRule] =
        [
            .init(name: "aws:PrincipalArn", type: .arn, isAlwaysThere: true),
            .init(name: "aws:PrincipalAccount", isAlwaysThere: true),
            .init(name: "aws:CurrentTime", type: .date, isAlwaysThere: true),
            .init(name: "aws:SecureTransport", type: .bool, isAlwaysThere: true),
            .init(name: "aws:SourceIp", type: .address, absence: fromHost),
            .init(name: "aws:SourceVpc", absence: fromHost),
            .init(name: "aws:SourceVpce", absence: fromHost),
            .init(name: "aws:VpcSourceIp", type: .address, absence: fromHost),
            .init(name: "aws:ViaAWSService", type: .bool, absence: fromHost),
            .init(name: "aws:UserAgent", absence: fromHost),
            .init(name: "aws:Referer", absence: fromHost),
            .init(name: "aws:CalledVia", isMultivalued: true, absence: fromHost),
            .init(name: "aws:CalledViaFirst", absence: fromHost),
            .init(name: "aws:CalledViaLast", absence: fromHost),
            .init(name: "aws:Ec2InstanceSourceVpc", absence: fromHost),
            .init(name: "aws:Ec2InstanceSourcePrivateIPv4", type: .address, absence: fromHost),
            .init(name: "aws:SourceArn", type: .arn, absence: fromHost),
            .init(name: "aws:SourceAccount", absence: fromHost),
            .init(name: "aws:SourceOrgID", absence: fromHost),
            .init(name: "aws:SourceOrgPaths", isMultivalued: true, absence: fromHost),
        ]
        + [
            "EpochTime", "FederatedProvider", "MultiFactorAuthAge", "MultiFactorAuthPresent", "PrincipalIsAWSService",
            "PrincipalOrgID", "PrincipalOrgPaths", "PrincipalServiceName", "PrincipalServiceNamesList", "PrincipalTag/",
            "PrincipalType", "RequestTag/", "RequestedRegion", "ResourceAccount", "ResourceOrgID", "ResourceOrgPaths",
            "ResourceTag/", "SourceIdentity", "TagKeys", "TokenIssueTime", "userid", "username", "AssumedRoot",
        ].map { ConditionKeyRule(name: "aws:\($0)") }
}
