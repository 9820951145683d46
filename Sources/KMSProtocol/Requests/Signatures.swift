// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// `Sign` (API Reference).
package struct SignRequest: Sendable {
    package let keyID: String
    package let message: [UInt8]
    /// RAW unless the request says otherwise.
    package let messageType: MessageType
    package let signingAlgorithm: SigningAlgorithm
    package let grantTokens: [String]
    package let dryRun: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let message = try reader.blob("Message", required: true, length: KMSLimits.plaintext)
        let messageType: MessageType? = try reader.choice("MessageType")
        let signingAlgorithm: SigningAlgorithm? = try reader.choice("SigningAlgorithm", required: true)
        grantTokens = try reader.grantTokens()
        dryRun = try reader.bool("DryRun")
        try reader.finish()
        self.keyID = try reader.present(keyID)
        self.message = try reader.present(message)
        self.messageType = messageType ?? .raw
        self.signingAlgorithm = try reader.present(signingAlgorithm)
    }
}

/// `Verify` (API Reference).
package struct VerifyRequest: Sendable {
    package let keyID: String
    package let message: [UInt8]
    /// RAW unless the request says otherwise.
    package let messageType: MessageType
    package let signature: [UInt8]
    package let signingAlgorithm: SigningAlgorithm
    package let grantTokens: [String]
    package let dryRun: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let message = try reader.blob("Message", required: true, length: KMSLimits.plaintext)
        let messageType: MessageType? = try reader.choice("MessageType")
        let signature = try reader.blob("Signature", required: true, length: KMSLimits.ciphertext)
        let signingAlgorithm: SigningAlgorithm? = try reader.choice("SigningAlgorithm", required: true)
        grantTokens = try reader.grantTokens()
        dryRun = try reader.bool("DryRun")
        try reader.finish()
        self.keyID = try reader.present(keyID)
        self.message = try reader.present(message)
        self.messageType = messageType ?? .raw
        self.signature = try reader.present(signature)
        self.signingAlgorithm = try reader.present(signingAlgorithm)
    }
}

/// `GenerateMac` (API Reference).
package struct GenerateMacRequest: Sendable {
    package let message: [UInt8]
    package let keyID: String
    package let macAlgorithm: MACAlgorithm
    package let grantTokens: [String]
    package let dryRun: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let message = try reader.blob("Message", required: true, length: KMSLimits.plaintext)
        let keyID = try reader.keyID()
        let macAlgorithm: MACAlgorithm? = try reader.choice("MacAlgorithm", required: true)
        grantTokens = try reader.grantTokens()
        dryRun = try reader.bool("DryRun")
        try reader.finish()
        self.message = try reader.present(message)
        self.keyID = try reader.present(keyID)
        self.macAlgorithm = try reader.present(macAlgorithm)
    }
}

/// `VerifyMac` (API Reference).
package struct VerifyMacRequest: Sendable {
    package let message: [UInt8]
    package let keyID: String
    package let macAlgorithm: MACAlgorithm
    package let mac: [UInt8]
    package let grantTokens: [String]
    package let dryRun: Bool

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let message = try reader.blob("Message", required: true, length: KMSLimits.plaintext)
        let keyID = try reader.keyID()
        let macAlgorithm: MACAlgorithm? = try reader.choice("MacAlgorithm", required: true)
        let mac = try reader.blob("Mac", required: true, length: KMSLimits.ciphertext)
        grantTokens = try reader.grantTokens()
        dryRun = try reader.bool("DryRun")
        try reader.finish()
        self.message = try reader.present(message)
        self.keyID = try reader.present(keyID)
        self.macAlgorithm = try reader.present(macAlgorithm)
        self.mac = try reader.present(mac)
    }
}
