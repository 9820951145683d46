// SPDX-License-Identifier: Apache-2.0

package import Encoding

// The broker's own operations on principals. Not operations of KMS.

/// `KeyBroker.CreatePrincipal`.
package struct CreatePrincipalRequest: Sendable {
    /// Of its user: 1 to 64 characters of `[A-Za-z0-9._-]`.
    package let principalName: String
    /// IAM policies as JSON text; nil: those of the user's other access key, or none.
    package let policies: [String]?

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let name = try reader.string("PrincipalName", required: true, length: 1...64, pattern: .principalName)
        policies = try reader.policies(required: false)
        try reader.finish()
        principalName = try reader.present(name)
    }
}

/// `KeyBroker.DeletePrincipal`.
package struct DeletePrincipalRequest: Sendable {
    package let accessKeyID: String

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let accessKeyID = try reader.accessKeyID()
        try reader.finish()
        self.accessKeyID = try reader.present(accessKeyID)
    }
}

/// `KeyBroker.ListPrincipals`: pages as those of `ListKeys`.
package typealias ListPrincipalsRequest = ListKeysRequest

/// `KeyBroker.PutPrincipalPolicy`.
package struct PutPrincipalPolicyRequest: Sendable {
    package let accessKeyID: String
    /// IAM policies as JSON text, all that the access key is to have.
    package let policies: [String]
    package let bypassPolicyLockoutSafetyCheck: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let accessKeyID = try reader.accessKeyID()
        let policies = try reader.policies(required: true)
        bypassPolicyLockoutSafetyCheck = try reader.bool("BypassPolicyLockoutSafetyCheck")
        try reader.finish()
        self.accessKeyID = try reader.present(accessKeyID)
        self.policies = try reader.present(policies)
    }
}

extension RequestReader {
    /// IAM API Reference, AccessKey: 16 to 128 characters.
    fileprivate mutating func accessKeyID() throws(KMSError) -> String? {
        try string("AccessKeyId", required: true, length: 16...128)
    }

    fileprivate mutating func policies(required: Bool) throws(KMSError) -> [String]? {
        let name = "Policies"
        guard let list = try list(name) else {
            if required { violate(name, "Value null", "Member must not be null") }
            return nil
        }
        var policies: [String] = []
        for element in list {
            guard let policy = element.string else { throw Self.wrongType(element, "String") }
            policies.append(policy)
        }
        return policies
    }
}
