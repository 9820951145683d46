// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// `Recipient`: who is to be able to read the secrets of the response.
package struct RecipientInfo: Sendable {
    package let keyEncryptionAlgorithm: KeyEncryptionMechanism
    /// As received: nobody has verified it.
    package let unverifiedAttestationDocument: [UInt8]

    /// Nil if the request has no Recipient. One that is there must be complete: half of it must not be read as none.
    static func read(_ reader: inout RequestReader) throws(KMSError) -> RecipientInfo? {
        guard let object = try reader.object("Recipient") else { return nil }
        var nested = RequestReader(object, prefix: "recipient.")
        let algorithm: KeyEncryptionMechanism? = try nested.choice("KeyEncryptionAlgorithm", required: true)
        let document = try nested.blob(
            "AttestationDocument",
            required: true,
            length: KMSLimits.attestationDocument
        )
        reader.add(nested.violations)
        guard let algorithm, let document else { return nil }
        return RecipientInfo(keyEncryptionAlgorithm: algorithm, unverifiedAttestationDocument: document)
    }
}

/// `Encrypt` (API Reference).
package struct EncryptRequest: Sendable {
    package let keyID: String
    package let plaintext: [UInt8]
    package let encryptionContext: [String: String]
    package let grantTokens: [String]
    /// SYMMETRIC_DEFAULT unless the request says otherwise.
    package let encryptionAlgorithm: EncryptionAlgorithm
    package let dryRun: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let plaintext = try reader.blob("Plaintext", required: true, length: KMSLimits.plaintext)
        encryptionContext = try reader.encryptionContext()
        grantTokens = try reader.grantTokens()
        encryptionAlgorithm = try reader.choice("EncryptionAlgorithm") ?? .symmetricDefault
        dryRun = try reader.bool("DryRun")
        try reader.finish()
        self.keyID = try reader.present(keyID)
        self.plaintext = try reader.present(plaintext)
    }
}

/// `Decrypt` (API Reference).
package struct DecryptRequest: Sendable {
    package let ciphertextBlob: [UInt8]
    package let encryptionContext: [String: String]
    package let grantTokens: [String]
    /// Nil: the key that the ciphertext names (symmetric keys only).
    package let keyID: String?
    /// SYMMETRIC_DEFAULT unless the request says otherwise.
    package let encryptionAlgorithm: EncryptionAlgorithm
    package let recipient: RecipientInfo?
    package let dryRun: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; `UnsupportedOperationException` for
    ///   `DryRunModifiers`.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let ciphertextBlob = try reader.blob("CiphertextBlob", required: true, length: KMSLimits.ciphertext)
        encryptionContext = try reader.encryptionContext()
        grantTokens = try reader.grantTokens()
        keyID = try reader.keyID(required: false)
        encryptionAlgorithm = try reader.choice("EncryptionAlgorithm") ?? .symmetricDefault
        recipient = try RecipientInfo.read(&reader)
        dryRun = try reader.bool("DryRun")
        let modifiers = try reader.list("DryRunModifiers")
        guard modifiers?.isEmpty ?? true else {
            throw KMSError("UnsupportedOperationException", "DryRunModifiers is not supported.")
        }
        try reader.finish()
        self.ciphertextBlob = try reader.present(ciphertextBlob)
    }
}

/// `GenerateDataKey` (API Reference).
package struct GenerateDataKeyRequest: Sendable {
    package let keyID: String
    package let encryptionContext: [String: String]
    /// Length of the data key in bytes, from NumberOfBytes or KeySpec: 1 to 1024.
    package let numberOfBytes: Int
    package let grantTokens: [String]
    package let recipient: RecipientInfo?
    package let dryRun: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        encryptionContext = try reader.encryptionContext()
        let numberOfBytes = try reader.integer("NumberOfBytes", in: KMSLimits.numberOfBytes)
        let keySpec: DataKeySpec? = try reader.choice("KeySpec")
        grantTokens = try reader.grantTokens()
        recipient = try RecipientInfo.read(&reader)
        dryRun = try reader.bool("DryRun")
        try reader.finish()
        self.keyID = try reader.present(keyID)
        switch (numberOfBytes, keySpec) {
        case (let count?, nil): self.numberOfBytes = count
        case (nil, let spec?): self.numberOfBytes = spec.length
        default: throw .validation("Please specify either number of bytes or key spec.")
        }
    }
}

/// `GenerateRandom` (API Reference).
package struct GenerateRandomRequest: Sendable {
    /// 1 to 1024.
    package let numberOfBytes: Int
    package let customKeyStoreID: String?
    package let recipient: RecipientInfo?

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words, also for an absent NumberOfBytes: the
    ///   model does not require it, and the reference knows no default.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let numberOfBytes = try reader.integer("NumberOfBytes", in: KMSLimits.numberOfBytes)
        customKeyStoreID = try reader.string("CustomKeyStoreId", length: KMSLimits.customKeyStoreID)
        recipient = try RecipientInfo.read(&reader)
        try reader.finish()
        guard let numberOfBytes else { throw .validation("Please specify number of bytes.") }
        self.numberOfBytes = numberOfBytes
    }
}
