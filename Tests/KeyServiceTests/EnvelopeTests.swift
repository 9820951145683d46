// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import TestSupport
import Testing

/// `KeyBroker.Encrypt` and `KeyBroker.Decrypt`.
struct EnvelopeTests {
    private static func bench(_ spec: KeySpec = .symmetricDefault, state: KeyState = .enabled) throws -> Bench {
        var bench = try Bench([.make(spec, state: state, aliases: ["alias/k"])])
        bench.circumstances.isSecureTransport = true
        return bench
    }

    private static func encrypt(
        _ bench: Bench,
        _ input: JSON,
        count: (String) throws(KMSError) -> Void = { _ in }
    ) throws(KMSError) -> JSONObject {
        try bench.service.encryptEnvelope(
            input.object ?? JSONObject(),
            caller: bench.caller,
            keys: bench.keys,
            circumstances: bench.circumstances,
            count: count
        )
    }

    private static func decrypt(_ bench: Bench, _ input: JSON) throws(KMSError) -> JSONObject {
        try bench.service.decryptEnvelope(
            input.object ?? JSONObject(),
            caller: bench.caller,
            keys: bench.keys,
            circumstances: bench.circumstances
        )
    }

    private static func error(_ act: () throws(KMSError) -> JSONObject) -> KMSError? {
        do throws(KMSError) {
            _ = try act()
            return nil
        } catch {
            return error
        }
    }

    private static func encryptError(_ bench: Bench, _ more: [(String, JSON)] = []) -> KMSError? {
        let input = JSONObject([("KeyId", "alias/k"), ("Plaintext", .blob(payload))] + more)
        return error { () throws(KMSError) in try encrypt(bench, .object(input)) }
    }

    private static func decryptError(_ bench: Bench, _ envelope: JSON, _ more: [(String, JSON)] = []) -> KMSError? {
        var input = JSONObject([("KeyId", "alias/k"), ("Envelope", envelope)])
        for (name, value) in more { input[name] = value }
        let request = JSON.object(input)
        return error { () throws(KMSError) in try decrypt(bench, request) }
    }

    /// An envelope of three zero bytes, or of what `more` says.
    private static func sealed(_ bench: Bench, _ more: [(String, JSON)] = []) throws -> JSON {
        var input = JSONObject([("KeyId", "alias/k"), ("Plaintext", "AAAA")])
        for (name, value) in more { input[name] = value }
        return try #require(try encrypt(bench, .object(input))["Envelope"])
    }

    private static let payload = Array(#"{"agent": "A", "data": "medical record"}"#.utf8)

    // MARK: The envelope

    @Test(arguments: EnvelopeFormat.allCases)
    func `what is encrypted opens again in its form, and in no other`(format: EnvelopeFormat) throws {
        let bench = try Self.bench()
        let sealed = try Self.encrypt(
            bench,
            ["KeyId": "alias/k", "Plaintext": .blob(Self.payload), "Format": .string(format.rawValue)]
        )
        #expect(sealed.members.map(\.name) == ["KeyId", "Envelope", "Format"])
        #expect(sealed["KeyId"]?.string == bench.keys.keys[0].arn)
        #expect(sealed["Format"]?.string == format.rawValue)
        let envelope = try #require(sealed["Envelope"])
        #expect(SealedEnvelope(envelope, as: format)?.ciphertext.count == Self.payload.count + 16)
        for other in EnvelopeFormat.allCases where other != format {
            #expect(Self.decryptError(bench, envelope, [("Format", .string(other.rawValue))]) == Self.invalid)
        }
        let opened = try Self.decrypt(
            bench,
            ["KeyId": "alias/k", "Envelope": envelope, "Format": .string(format.rawValue)]
        )
        #expect(opened.members.map(\.name) == ["KeyId", "Plaintext"])
        #expect(opened.blob("Plaintext") == Self.payload)
    }

    // Sealed with Python's cryptography in each of the forms that the services had, without additional data.
    @Test(
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)),
        arguments: [(EnvelopeFormat.hex, "docs04_hex"), (.base64, "adb8702_base64"), (.object, "5a9b11c_object")]
    )
    func `opens what the services sealed`(format: EnvelopeFormat, name: String) throws {
        let file = try #require(try JSON.parse(try SharedData.bytes("systems/cse-maw/aes_gcm_vectors.json")).object)
        var key = try KeyRecord.make(.symmetricDefault, aliases: ["alias/k"], origin: .imported)
        let bytes = try Hex.decode(try #require(file["tsk_hex"]?.string))
        key.material = .symmetric(SharedSecret(try SecretBytes(copying: bytes)))
        var bench = try Bench([key])
        bench.circumstances.isSecureTransport = true
        let envelope = try #require(file[name])
        let input: JSON = ["KeyId": "alias/k", "Format": .string(format.rawValue), "Envelope": envelope]
        let opened = try Self.decrypt(bench, input)
        #expect(opened.blob("Plaintext").map { String(decoding: $0, as: UTF8.self) } == file["plaintext_utf8"]?.string)

        // The same bytes as the services' library makes of the same nonce.
        let nonce = try Hex.decode(try #require(file["nonce_hex"]?.string))
        bench.service = KeyService(account: Bench.account, region: Bench.region) { _ in nonce }
        let text = try #require(file["plaintext_utf8"]?.string)
        let sealed = try Self.encrypt(
            bench,
            ["KeyId": "alias/k", "Format": .string(format.rawValue), "Plaintext": .text(text)]
        )
        #expect(sealed["Envelope"] == envelope)
    }

    private static let invalid = KMSError("InvalidCiphertextException")

    @Test func `one error for whatever does not open: changed, another key, other data, no envelope`() throws {
        let other = try KeyRecord.make(.symmetricDefault, number: 2, aliases: ["alias/other"])
        var bench = try Self.bench()
        var differing = other
        differing.material = try KeySpec.symmetricDefault.makeMaterial()
        bench.keys = try bench.keys.adding(differing)
        let step: JSON = .text("order-17/step-2")
        let hex: [(String, JSON)] = [("Format", "hex")]
        let bound = hex + [("AdditionalData", step)]
        let sealed = try Self.sealed(bench, bound + [("Plaintext", .blob(Self.payload))])
        let envelope = try Hex.decode(sealed.string ?? "")
        #expect(Self.decryptError(bench, .string(Hex.encode(envelope)), bound) == nil)
        for index in envelope.indices {
            var changed = envelope
            changed[index] ^= 1
            #expect(Self.decryptError(bench, .string(Hex.encode(changed)), bound) == Self.invalid, "\(index)")
        }
        let text = JSON.string(Hex.encode(envelope))
        for error in [
            Self.decryptError(bench, text, hex),
            Self.decryptError(bench, text, hex + [("AdditionalData", .text("order-17/step-3"))]),
            Self.decryptError(bench, text, bound + [("KeyId", "alias/other")]),
            Self.decryptError(bench, .string(Hex.encode(envelope.dropLast())), bound),
            Self.decryptError(bench, .string(Hex.encode(envelope + [0])), bound),
            Self.decryptError(bench, "", bound), Self.decryptError(bench, "zz", bound),
            Self.decryptError(bench, 7, bound),
            Self.decryptError(bench, [:], bound), Self.decryptError(bench, text, [("AdditionalData", step)]),
        ] {
            #expect(error == Self.invalid)
        }
    }

    @Test func `every envelope has a nonce of its own`() throws {
        let bench = try Self.bench()
        var nonces: Set<[UInt8]> = []
        for _ in 0..<1000 {
            let value = try Self.sealed(bench)
            let envelope = try #require(SealedEnvelope(value, as: .base64))
            nonces.insert(envelope.nonce)
        }
        #expect(nonces.count == 1000)
    }

    @Test(arguments: [0, 1, 122_880])
    func `a payload of this length goes in and comes out`(count: Int) throws {
        let bench = try Self.bench()
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        for format in EnvelopeFormat.allCases.map({ JSON.string($0.rawValue) }) {
            let envelope = try Self.sealed(bench, [("Plaintext", .blob(payload)), ("Format", format)])
            let opened = try Self.decrypt(bench, ["KeyId": "alias/k", "Envelope": envelope, "Format": format])
            #expect(opened.blob("Plaintext") == payload)
        }
    }

    // MARK: Who may, and when

    @Test func `without TLS that ends inside both are refused before anything else`() throws {
        var bench = try Self.bench()
        let sealed = try Self.sealed(bench)
        bench.circumstances.isSecureTransport = false
        for (error, verb) in [
            (Self.encryptError(bench), "Encrypt takes a secret, which enters"),
            (Self.decryptError(bench, sealed), "Decrypt answers with a secret, which leaves"),
            (
                Self.error { () throws(KMSError) in try Self.encrypt(bench, [:]) },
                "Encrypt takes a secret, which enters"
            ),
        ] {
            #expect(error?.name == "UnsupportedOperationException")
            #expect(
                error?.message
                    == "\(verb) this service only over TLS that ends inside it: set ingress.tls in the broker's "
                    + "configuration, and connect with https."
            )
        }
    }

    @Test func `the policy is asked for kms Encrypt and kms Decrypt on the key`() throws {
        func bench(_ action: JSON, _ condition: JSON = [:]) throws -> Bench {
            let policy: JSON = [
                "Version": "2012-10-17",
                "Statement": [
                    [
                        "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::111122223333:user/alice"],
                        "Action": action, "Resource": "*", "Condition": condition,
                    ]
                ],
            ]
            let text = String(decoding: policy.serialized(), as: UTF8.self)
            var bench = try Bench(
                [.make(.symmetricDefault, aliases: ["alias/k"], policy: text)],
                caller: Bench.user()
            )
            bench.circumstances.isSecureTransport = true
            return bench
        }
        let envelope = try Self.sealed(try bench("kms:Encrypt"))
        let algorithm: JSON = ["StringEquals": ["kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"]]
        #expect(Self.encryptError(try bench("kms:Encrypt", algorithm)) == nil)
        #expect(Self.decryptError(try bench("kms:Decrypt", algorithm), envelope) == nil)
        let context: JSON = ["StringEquals": ["kms:EncryptionContext:workflow": "order"]]
        for (error, action) in [
            (Self.encryptError(try bench("kms:Decrypt")), "kms:Encrypt"),
            (Self.decryptError(try bench("kms:Encrypt"), envelope), "kms:Decrypt"),
            (Self.encryptError(try bench("keybroker:*")), "kms:Encrypt"),
            (Self.decryptError(try bench("kms:Decrypt", context), envelope), "kms:Decrypt"),
            // Who may not is not told whether it opens.
            (Self.decryptError(try bench("kms:Encrypt"), "zz"), "kms:Decrypt"),
        ] {
            #expect(error?.name == "AccessDeniedException")
            #expect(error?.message?.contains(action) == true)
        }
    }

    @Test(arguments: [(KeyState.disabled, "DisabledException"), (.pendingDeletion, "KMSInvalidStateException")])
    func `a key that is not enabled seals and opens nothing`(state: KeyState, name: String) throws {
        let sealed = try Self.sealed(try Self.bench())
        let bench = try Self.bench(state: state)
        #expect(Self.encryptError(bench)?.name == name)
        #expect(Self.decryptError(bench, sealed)?.name == name)
    }

    @Test(arguments: KeySpec.allCases.filter { $0 != .symmetricDefault })
    func `a key of another kind seals and opens nothing`(spec: KeySpec) throws {
        let bench = try Self.bench(spec)
        #expect(Self.encryptError(bench)?.name == "InvalidKeyUsageException")
        #expect(Self.decryptError(bench, "AAAA")?.name == "InvalidKeyUsageException")
    }

    @Test func `a dry run seals and opens nothing, and says whether it would`() throws {
        let bench = try Self.bench()
        let dry: [(String, JSON)] = [("DryRun", true)]
        var counted = 0
        let error = Self.error { () throws(KMSError) in
            try Self.encrypt(bench, ["KeyId": "alias/k", "Plaintext": "AAAA", "DryRun": true]) { _ in counted += 1 }
        }
        #expect(error?.name == "DryRunOperationException")
        #expect(counted == 0)
        let sealed = try Self.sealed(bench)
        #expect(Self.decryptError(bench, sealed, dry)?.name == "DryRunOperationException")
        #expect(Self.decryptError(bench, "AAAA", dry) == Self.invalid)
    }

    @Test func `each nonce is counted for its key, and without one that is left nothing is sealed`() throws {
        let bench = try Self.bench()
        var counted: [String] = []
        for _ in 0..<3 {
            _ = try Self.encrypt(bench, ["KeyId": "alias/k", "Plaintext": "AAAA"]) { counted.append($0) }
        }
        #expect(counted == [String](repeating: bench.keys.keys[0].id, count: 3))
        let error = Self.error { () throws(KMSError) in
            try Self.encrypt(bench, ["KeyId": "alias/k", "Plaintext": "AAAA"]) { _ throws(KMSError) in
                throw KMSError("LimitExceededException")
            }
        }
        #expect(error == KMSError("LimitExceededException"))
    }
}
