// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// `ReEncrypt` (API Reference).
package struct ReEncryptRequest: Sendable {
    package let ciphertextBlob: [UInt8]
    package let sourceEncryptionContext: [String: String]
    /// Nil: the key that the ciphertext names (symmetric keys only).
    package let sourceKeyID: String?
    package let destinationKeyID: String
    package let destinationEncryptionContext: [String: String]
    /// SYMMETRIC_DEFAULT unless the request says otherwise.
    package let sourceEncryptionAlgorithm: EncryptionAlgorithm
    /// SYMMETRIC_DEFAULT unless the request says otherwise.
    package let destinationEncryptionAlgorithm: EncryptionAlgorithm
    package let grantTokens: [String]
    package let dryRun: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; `UnsupportedOperationException` for
    ///   `DryRunModifiers`.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let ciphertextBlob = try reader.blob("CiphertextBlob", required: true, length: KMSLimits.ciphertext)
        sourceEncryptionContext = try reader.encryptionContext("SourceEncryptionContext")
        sourceKeyID = try reader.keyID("SourceKeyId", required: false)
        let destinationKeyID = try reader.keyID("DestinationKeyId")
        destinationEncryptionContext = try reader.encryptionContext("DestinationEncryptionContext")
        sourceEncryptionAlgorithm = try reader.choice("SourceEncryptionAlgorithm") ?? .symmetricDefault
        destinationEncryptionAlgorithm = try reader.choice("DestinationEncryptionAlgorithm") ?? .symmetricDefault
        grantTokens = try reader.grantTokens()
        dryRun = try reader.bool("DryRun")
        let modifiers = try reader.list("DryRunModifiers")
        guard modifiers?.isEmpty ?? true else {
            throw KMSError("UnsupportedOperationException", "DryRunModifiers is not supported.")
        }
        try reader.finish()
        self.ciphertextBlob = try reader.present(ciphertextBlob)
        self.destinationKeyID = try reader.present(destinationKeyID)
    }
}
