// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// `ListKeys` (API Reference).
package struct ListKeysRequest: Sendable {
    /// "This value is optional. If you include a value, it must be between 1 and 1000, inclusive. If you do not include
    /// a value, it defaults to 100."
    package static let defaultLimit = 100

    package let limit: Int
    package let marker: String?

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let limit = try reader.integer("Limit", in: KMSLimits.limit)
        marker = try reader.string("Marker", length: KMSLimits.marker, pattern: .marker)
        try reader.finish()
        self.limit = limit ?? Self.defaultLimit
    }
}

/// `GetKeyPolicy` (API Reference).
package struct GetKeyPolicyRequest: Sendable {
    /// A key id or key ARN.
    package let keyID: String

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; `NotFoundException` for a policy of
    ///   another name than `default`.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let name = try reader.string("PolicyName", length: KMSLimits.policyName, pattern: .policyName)
        try reader.finish()
        self.keyID = try reader.present(keyID)
        guard (name ?? PutKeyPolicyRequest.policyName) == PutKeyPolicyRequest.policyName else {
            throw KMSError("NotFoundException", "No such policy exists")
        }
    }
}

/// `ListKeyPolicies` (API Reference).
package struct ListKeyPoliciesRequest: Sendable {
    /// A key id or key ARN.
    package let keyID: String
    package let marker: String?

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        _ = try reader.integer("Limit", in: KMSLimits.limit)
        marker = try reader.string("Marker", length: KMSLimits.marker, pattern: .marker)
        try reader.finish()
        self.keyID = try reader.present(keyID)
    }
}
