// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// `GetPublicKey` (API Reference).
package struct GetPublicKeyRequest: Sendable {
    package let keyID: String
    package let grantTokens: [String]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        grantTokens = try reader.grantTokens()
        try reader.finish()
        self.keyID = try reader.present(keyID)
    }
}

/// `DescribeKey` (API Reference).
package struct DescribeKeyRequest: Sendable {
    package let keyID: String
    package let grantTokens: [String]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        grantTokens = try reader.grantTokens()
        try reader.finish()
        self.keyID = try reader.present(keyID)
    }
}

/// `ListAliases` (API Reference).
package struct ListAliasesRequest: Sendable {
    /// Only the aliases of this key; nil: all.
    package let keyID: String?
    /// 1 to 100.
    package let limit: Int
    package let marker: String?

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        keyID = try reader.keyID(required: false)
        let limit = try reader.integer("Limit", in: KMSLimits.limit)
        marker = try reader.string("Marker", length: KMSLimits.marker, pattern: .marker)
        try reader.finish()
        // The model allows 1000, the reference 100: a shorter page is right in either reading.
        self.limit = min(limit ?? KMSLimits.listAliasesDefault, KMSLimits.listAliasesMaximum)
    }
}

/// `CreateKey` (API Reference).
package struct CreateKeyRequest: Sendable {
    /// JSON text; nil: the default policy.
    package let policy: String?
    package let description: String
    /// SYMMETRIC_DEFAULT unless the request says otherwise (KeySpec, or CustomerMasterKeySpec as older clients say).
    package let keySpec: KeySpec
    package let keyUsage: KeyUsage
    package let origin: KeyOrigin
    package let customKeyStoreID: String?
    package let bypassPolicyLockoutSafetyCheck: Bool
    package let tags: [KeyTag]
    package let multiRegion: Bool
    package let xksKeyID: String?

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words, also for a usage that is missing or
    ///   that the spec does not allow; `LimitExceededException` for a policy above the quota.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        policy = try reader.string("Policy", length: KMSLimits.policy, pattern: .policy)
        description = try reader.string("Description", length: KMSLimits.description) ?? ""
        let usage: KeyUsage? = try reader.choice("KeyUsage")
        let olderSpec: KeySpec? = try reader.choice("CustomerMasterKeySpec", among: KeySpec.customerMasterKeySpecs)
        let spec: KeySpec? = try reader.choice("KeySpec")
        origin = try reader.choice("Origin") ?? .awsKMS
        customKeyStoreID = try reader.string("CustomKeyStoreId", length: KMSLimits.customKeyStoreID)
        bypassPolicyLockoutSafetyCheck = try reader.bool("BypassPolicyLockoutSafetyCheck")
        tags = try reader.tags() ?? []
        multiRegion = try reader.bool("MultiRegion")
        xksKeyID = try reader.string("XksKeyId", length: KMSLimits.xksKeyID, pattern: .xksKeyID)
        try reader.finish()
        guard spec == nil || olderSpec == nil else {
            throw .validation("You cannot specify KeySpec and CustomerMasterKeySpec in the same request.")
        }
        keySpec = spec ?? olderSpec ?? .symmetricDefault
        if let usage {
            keyUsage = usage
        } else {
            guard keySpec == .symmetricDefault else { throw .keyUsageMissing }
            keyUsage = .encryptDecrypt
        }
        guard keySpec.usages.contains(keyUsage) else {
            throw .validation("KeyUsage \(keyUsage.rawValue) is not compatible with KeySpec \(keySpec.rawValue).")
        }
        try checkPolicyLength(policy)
        try KeyTag.check(tags)
    }
}

/// `PutKeyPolicy` (API Reference).
package struct PutKeyPolicyRequest: Sendable {
    /// A key id or key ARN.
    package let keyID: String
    /// JSON text.
    package let policy: String
    package let bypassPolicyLockoutSafetyCheck: Bool

    /// The only name that a key policy has.
    package static let policyName = "default"

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; `LimitExceededException` for a policy
    ///   above the quota.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let name = try reader.string("PolicyName", length: KMSLimits.policyName, pattern: .policyName)
        let policy = try reader.string("Policy", required: true, length: KMSLimits.policy, pattern: .policy)
        bypassPolicyLockoutSafetyCheck = try reader.bool("BypassPolicyLockoutSafetyCheck")
        try reader.finish()
        self.keyID = try reader.present(keyID)
        self.policy = try reader.present(policy)
        guard (name ?? Self.policyName) == Self.policyName else {
            throw .validation("The only valid policy name is default.")
        }
        try checkPolicyLength(policy)
    }
}

/// - Throws: `LimitExceededException` for a policy above the quota.
private func checkPolicyLength(_ policy: String?) throws(KMSError) {
    guard (policy?.utf8.count ?? 0) <= KMSLimits.enforcedPolicyLength else {
        throw KMSError(
            "LimitExceededException",
            "The key policy is longer than \(KMSLimits.enforcedPolicyLength) bytes."
        )
    }
}
