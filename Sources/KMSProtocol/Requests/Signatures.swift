// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// What `Sign`, `Verify` and `SignBatch` say beside what is signed.
package struct SigningParameters: Sendable {
    package let keyID: String
    /// RAW unless the request says otherwise.
    package let messageType: MessageType
    package let signingAlgorithm: SigningAlgorithm
    package let grantTokens: [String]
    package let dryRun: Bool

    /// Reads a request in the order of KMS's members, which is the order of its complaints: `subject` after the key, `more`
    /// after the type of the message.
    static func read<Subject, More>(
        _ input: JSONObject,
        subject: (inout RequestReader) throws(KMSError) -> Subject?,
        more: (inout RequestReader) throws(KMSError) -> More?
    ) throws(KMSError) -> (parameters: SigningParameters, subject: Subject, more: More) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let subject = try subject(&reader)
        let messageType: MessageType? = try reader.choice("MessageType")
        let more = try more(&reader)
        let signingAlgorithm: SigningAlgorithm? = try reader.choice("SigningAlgorithm", required: true)
        let grantTokens = try reader.grantTokens()
        let dryRun = try reader.bool("DryRun")
        try reader.finish()
        let parameters = SigningParameters(
            keyID: try reader.present(keyID),
            messageType: messageType ?? .raw,
            signingAlgorithm: try reader.present(signingAlgorithm),
            grantTokens: grantTokens,
            dryRun: dryRun
        )
        return (parameters, try reader.present(subject), try reader.present(more))
    }
}

/// `Sign` (API Reference).
package struct SignRequest: Sendable {
    package let parameters: SigningParameters
    package let message: [UInt8]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        (parameters, message, _) = try SigningParameters.read(
            input,
            subject: { reader throws(KMSError) in try reader.message() },
            more: { _ in () }
        )
    }
}

/// `Verify` (API Reference).
package struct VerifyRequest: Sendable {
    package let parameters: SigningParameters
    package let message: [UInt8]
    package let signature: [UInt8]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        (parameters, message, signature) = try SigningParameters.read(
            input,
            subject: { reader throws(KMSError) in try reader.message() },
            more: { reader throws(KMSError) in
                try reader.blob("Signature", required: true, length: KMSLimits.ciphertext)
            }
        )
    }
}

/// What `GenerateMac` and `VerifyMac` say beside a MAC.
package struct MACParameters: Sendable {
    package let message: [UInt8]
    package let keyID: String
    package let macAlgorithm: MACAlgorithm
    package let grantTokens: [String]
    package let dryRun: Bool

    /// Reads a request in the order of KMS's members: `more` after the algorithm.
    fileprivate static func read<More>(
        _ input: JSONObject,
        more: (inout RequestReader) throws(KMSError) -> More?
    ) throws(KMSError) -> (parameters: MACParameters, more: More) {
        var reader = RequestReader(input)
        let message = try reader.message()
        let keyID = try reader.keyID()
        let macAlgorithm: MACAlgorithm? = try reader.choice("MacAlgorithm", required: true)
        let more = try more(&reader)
        let grantTokens = try reader.grantTokens()
        let dryRun = try reader.bool("DryRun")
        try reader.finish()
        let parameters = MACParameters(
            message: try reader.present(message),
            keyID: try reader.present(keyID),
            macAlgorithm: try reader.present(macAlgorithm),
            grantTokens: grantTokens,
            dryRun: dryRun
        )
        return (parameters, try reader.present(more))
    }
}

/// `GenerateMac` (API Reference).
package struct GenerateMacRequest: Sendable {
    package let parameters: MACParameters

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        parameters = try MACParameters.read(input) { _ in () }.parameters
    }
}

/// `VerifyMac` (API Reference).
package struct VerifyMacRequest: Sendable {
    package let parameters: MACParameters
    package let mac: [UInt8]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        (parameters, mac) = try MACParameters.read(input) { reader throws(KMSError) in
            try reader.blob("Mac", required: true, length: KMSLimits.ciphertext)
        }
    }
}

extension RequestReader {
    fileprivate mutating func message() throws(KMSError) -> [UInt8]? {
        try blob("Message", required: true, length: KMSLimits.plaintext)
    }
}
