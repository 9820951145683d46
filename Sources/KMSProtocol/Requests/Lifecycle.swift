// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// The input of operations on one key that name nothing else: `EnableKey`, `DisableKey`, `CancelKeyDeletion` (API
/// Reference).
package struct KeyLifecycleRequest: Sendable {
    /// A key id or key ARN.
    package let keyID: String

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        try reader.finish()
        self.keyID = try reader.present(keyID)
    }
}

/// `ScheduleKeyDeletion` (API Reference).
package struct ScheduleKeyDeletionRequest: Sendable {
    /// A key id or key ARN.
    package let keyID: String
    /// 7 to 30.
    package let pendingWindowInDays: Int

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let days = try reader.integer("PendingWindowInDays", in: KMSLimits.pendingWindowInDays)
        try reader.finish()
        self.keyID = try reader.present(keyID)
        pendingWindowInDays = days ?? KMSLimits.pendingWindowDefault
    }
}

/// `UpdateKeyDescription` (API Reference).
package struct UpdateKeyDescriptionRequest: Sendable {
    /// A key id or key ARN.
    package let keyID: String
    package let description: String

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let description = try reader.string("Description", required: true, length: KMSLimits.description)
        try reader.finish()
        self.keyID = try reader.present(keyID)
        self.description = try reader.present(description)
    }
}
