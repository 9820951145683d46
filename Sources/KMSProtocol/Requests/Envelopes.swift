// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// How an envelope is written. The three differ, and none says which it is: a request names one, and nobody guesses.
package enum EnvelopeFormat: String, Sendable, CaseIterable {
    /// Base64 of nonce, ciphertext and tag.
    case base64
    /// Hex of the same.
    case hex
    /// `{"ciphertext": …, "nonce": …}`, both base64, the tag behind the ciphertext.
    case object
}

/// What an envelope and its request may be.
package enum EnvelopeLimits: Sendable {
    /// 96 bits (NIST SP 800-38D, section 8.2.2).
    package static let nonceLength = 12
    /// 128 bits (NIST SP 800-38D, section 5.2.1.2).
    package static let tagLength = 16
    /// Bytes of a payload. In hex, the longest form, its envelope has 245,816 characters: with the longest additional
    /// data, and the rest of the request, it fits into a body of 256 KiB. So whatever was encrypted can be decrypted,
    /// in any form.
    package static let payload = 0...122_880
    /// Bytes of additional data. More than a workflow and its step have names.
    package static let additionalData = 0...4096
}

/// AES-256-GCM under a random nonce, as the services of a confidential workflow (CSE-MAW) exchange it. A format alone:
/// it opens nothing.
package struct SealedEnvelope: Sendable, Equatable {
    /// 12 bytes.
    package let nonce: [UInt8]
    /// The tag stands behind it.
    package let ciphertext: [UInt8]

    /// `sealed`: ciphertext and tag.
    package init(nonce: [UInt8], sealed: [UInt8]) {
        self.nonce = nonce
        ciphertext = sealed
    }

    /// Nil for anything but this form, and for what is too short or too long to be an envelope.
    package init?(_ value: JSON, as format: EnvelopeFormat) {
        let parts: (nonce: [UInt8], ciphertext: [UInt8])?
        switch (format, value) {
        case (.base64, .string(let text)): parts = Self.split(try? Base64.decode(text))
        case (.hex, .string(let text)): parts = Self.split(try? Hex.decode(text))
        case (.object, .object(let object)) where object.members.count == 2:
            guard let nonce = object.blob("nonce"), let ciphertext = object.blob("ciphertext") else { return nil }
            parts = (nonce, ciphertext)
        default: parts = nil
        }
        guard let parts, parts.nonce.count == EnvelopeLimits.nonceLength,
            EnvelopeLimits.payload.contains(parts.ciphertext.count - EnvelopeLimits.tagLength)
        else { return nil }
        (nonce, ciphertext) = parts
    }

    private static func split(_ bytes: [UInt8]?) -> (nonce: [UInt8], ciphertext: [UInt8])? {
        bytes.map { (Array($0.prefix(EnvelopeLimits.nonceLength)), Array($0.dropFirst(EnvelopeLimits.nonceLength))) }
    }

    package func json(as format: EnvelopeFormat) -> JSON {
        switch format {
        case .base64: .blob(nonce + ciphertext)
        case .hex: .string(Hex.encode(nonce + ciphertext))
        case .object: .object(JSONObject([("ciphertext", .blob(ciphertext)), ("nonce", .blob(nonce))]))
        }
    }
}

/// `KeyBroker.Encrypt`. Not the operation of KMS.
package struct EncryptEnvelopeRequest: Sendable {
    package let parameters: EnvelopeParameters
    /// The caller wipes it.
    package var plaintext: [UInt8]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; see ``EnvelopeParameters``.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let plaintext = try reader.blob("Plaintext", required: true, length: EnvelopeLimits.payload)
        parameters = try EnvelopeParameters(&reader)
        self.plaintext = try reader.present(plaintext)
    }
}

/// `KeyBroker.Decrypt`. Not the operation of KMS.
package struct DecryptEnvelopeRequest: Sendable {
    package let parameters: EnvelopeParameters
    /// Nil: what was sent is not one in this form. That is told as everything else that does not open.
    package let envelope: SealedEnvelope?

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; see ``EnvelopeParameters``.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let value = reader.required("Envelope")
        parameters = try EnvelopeParameters(&reader)
        envelope = SealedEnvelope(try reader.present(value), as: parameters.format)
    }
}

/// What both have.
package struct EnvelopeParameters: Sendable {
    package let keyID: String
    package let format: EnvelopeFormat
    package let additionalData: [UInt8]
    package let dryRun: Bool

    /// Reads the rest of a request, and judges all of it.
    ///
    /// Unknown members are ignored, but not those of KMS's operations of these names that would bind or hide something:
    /// `UnsupportedOperationException`.
    init(_ reader: inout RequestReader) throws(KMSError) {
        let keyID = try reader.keyID()
        format = try reader.choice("Format") ?? .base64
        additionalData = try reader.blob("AdditionalData", length: EnvelopeLimits.additionalData) ?? []
        dryRun = try reader.bool("DryRun")
        for name in ["EncryptionContext", "Recipient"] where try reader.object(name) != nil {
            throw KMSError(
                "UnsupportedOperationException",
                "\(name) is not supported: AdditionalData binds an envelope, and the answer goes to its caller over TLS."
            )
        }
        try reader.finish()
        self.keyID = try reader.present(keyID)
    }
}
