// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import TestSupport
import Testing

/// The forms in which envelopes are written. Nothing is opened here.
struct EnvelopeFormatTests {
    private static let shortest = SealedEnvelope(
        nonce: [UInt8](0..<12),
        sealed: [UInt8](repeating: 0xAB, count: EnvelopeLimits.tagLength)
    )

    @Test(arguments: EnvelopeFormat.allCases)
    func `what is written in a form reads as the same in it`(format: EnvelopeFormat) {
        for count in [0, 1, 1000, EnvelopeLimits.payload.upperBound] {
            let envelope = SealedEnvelope(
                nonce: [UInt8](0..<12),
                sealed: [UInt8](repeating: 7, count: count + EnvelopeLimits.tagLength)
            )
            #expect(SealedEnvelope(envelope.json(as: format), as: format) == envelope)
        }
    }

    @Test func `the forms are those that services of the workflow have had`() {
        let text = "000102030405060708090a0b" + String(repeating: "ab", count: 16)
        #expect(Self.shortest.json(as: .hex) == .string(text))
        #expect(Self.shortest.json(as: .base64) == "AAECAwQFBgcICQoLq6urq6urq6urq6urq6urqw==")
        #expect(
            Self.shortest.json(as: .object)
                == ["ciphertext": "q6urq6urq6urq6urq6urqw==", "nonce": "AAECAwQFBgcICQoL"]
        )
    }

    static let malformed: [(EnvelopeFormat, JSON)] = [
        (.base64, ""), (.base64, "AAAA"), (.base64, 7), (.base64, ["a"]),
        (.base64, "AAECAwQFBgcICQoLq6urq6urq6urq6urq6ur"),
        (.base64, "AAECAwQFBgcICQoLq6urq6urq6urq6urq6urqw"), (.base64, "AAECAwQFBgcICQoLq6urq6urq6urq6urq6urqw==\n"),
        (.base64, "AAECAwQFBgcICQoLq6urq6urq6urq6urq6urqx=="), (.base64, ["nonce": "AAECAwQFBgcICQoL"]),
        (.hex, "00"), (.hex, .string(String(repeating: "0", count: 54))),
        (.hex, .string("0x" + String(repeating: "0", count: 56))),
        (.hex, .string(String(repeating: "0", count: 57))), (.hex, .string(String(repeating: "g", count: 56))),
        (.object, [:]), (.object, "AAECAwQFBgcICQoLq6urq6urq6urq6urq6urqw=="),
        (.object, ["ciphertext": "q6urq6urq6urq6urq6urqw=="]),
        (.object, ["ciphertext": "q6urq6urq6urq6urq6urqw==", "nonce": ""]),
        (.object, ["ciphertext": "q6urq6urq6urq6urq6ur", "nonce": "AAECAwQFBgcICQoL"]),
        (.object, ["ciphertext": "q6urq6urq6urq6urq6urqw==", "nonce": "AAECAwQFBgcICQoLAA=="]),
        (.object, ["ciphertext": "q6urq6urq6urq6urq6urqw==", "nonce": "AAECAwQFBgcICQoL", "tag": ""]),
        (.object, ["Ciphertext": "q6urq6urq6urq6urq6urqw==", "Nonce": "AAECAwQFBgcICQoL"]),
        (.object, ["ciphertext": 1, "nonce": "AAECAwQFBgcICQoL"]),
    ]

    @Test(arguments: malformed.indices)
    func `what is not exactly of the form is none`(index: Int) {
        let (format, value) = Self.malformed[index]
        #expect(SealedEnvelope(value, as: format) == nil, "\(format)")
    }

    @Test(arguments: EnvelopeFormat.allCases)
    func `what is longer than any payload is none`(format: EnvelopeFormat) {
        let envelope = SealedEnvelope(
            nonce: [UInt8](0..<12),
            sealed: [UInt8](repeating: 7, count: EnvelopeLimits.payload.upperBound + EnvelopeLimits.tagLength + 1)
        )
        #expect(SealedEnvelope(envelope.json(as: format), as: format) == nil)
    }

    /// Bodies of other requests than SignBatch have at most 256 KiB.
    @Test(arguments: EnvelopeFormat.allCases)
    func `the longest payload that can be encrypted fits into a request to decrypt it, in each form`(
        format: EnvelopeFormat
    ) {
        let envelope = SealedEnvelope(
            nonce: [UInt8](0..<12),
            sealed: [UInt8](repeating: 7, count: EnvelopeLimits.payload.upperBound + EnvelopeLimits.tagLength)
        )
        let request: JSON = [
            "KeyId": .string(String(repeating: "k", count: 2048)), "Format": .string(format.rawValue),
            "Envelope": envelope.json(as: format), "DryRun": false,
            "AdditionalData": .blob([UInt8](repeating: 1, count: EnvelopeLimits.additionalData.upperBound)),
        ]
        #expect(request.serialized().count <= 256 * 1024)
    }

    // MARK: Requests

    private static let good: [(String, JSON)] = [
        ("KeyId", "alias/k"), ("Plaintext", "AAAA"), ("Envelope", shortest.json(as: .base64)),
    ]

    private static func errors(_ changes: [(String, JSON?)]) -> [KMSError?] {
        var input = JSONObject(good)
        for (name, value) in changes { input[name] = value }
        func error(_ read: () throws(KMSError) -> Void) -> KMSError? {
            do throws(KMSError) {
                try read()
                return nil
            } catch {
                return error
            }
        }
        return [
            error { () throws(KMSError) in _ = try EncryptEnvelopeRequest(input) },
            error { () throws(KMSError) in _ = try DecryptEnvelopeRequest(input) },
        ]
    }

    @Test func `a request names its key and its subject, and nothing else`() throws {
        #expect(Self.errors([]) == [nil, nil])
        #expect(Self.errors([("Format", .null), ("AdditionalData", .null), ("GrantTokens", ["x"])]) == [nil, nil])
        let request = try DecryptEnvelopeRequest(JSONObject(Self.good))
        #expect(request.envelope == Self.shortest)
        #expect(request.parameters.format == .base64 && request.parameters.additionalData == [])
    }

    @Test func `a member that is missing or out of bounds is refused, none of them with its value but the format`() {
        for (changes, refused) in [
            ([("KeyId", nil)], [true, true]), ([("Plaintext", nil)], [true, false]),
            ([("Envelope", nil)], [false, true]),
            ([("Envelope", .null)], [false, true]), ([("Format", "HEX")], [true, true]),
            ([("Format", "json")], [true, true]),
            ([("AdditionalData", .blob([UInt8](repeating: 1, count: 4097)))], [true, true]),
            ([("Plaintext", .blob([UInt8](repeating: 1, count: 122_881)))], [true, false]),
        ] as [([(String, JSON?)], [Bool])] {
            let errors = Self.errors(changes)
            #expect(errors.map { $0?.name == "ValidationException" } == refused, "\(changes)")
            #expect(errors.allSatisfy { ($0?.message?.count ?? 0) < 300 })
        }
        for change: (String, JSON?) in [("Format", 1), ("AdditionalData", "?"), ("AdditionalData", 1)] {
            #expect(Self.errors([change]).allSatisfy { $0?.name == "SerializationException" })
        }
        #expect(Self.errors([("Plaintext", "?")])[0]?.name == "SerializationException")
    }

    @Test(arguments: ["EncryptionContext", "Recipient"])
    func `what KMS would bind to a ciphertext or hide in an answer is refused, not ignored`(member: String) {
        for value: JSON in [[:], ["a": "b"]] {
            for error in Self.errors([(member, value)]) {
                #expect(error?.name == "UnsupportedOperationException")
                #expect(error?.message?.hasPrefix(member) == true)
            }
        }
    }
}
