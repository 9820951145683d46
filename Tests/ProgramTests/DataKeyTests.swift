// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import TestSupport
import Testing

/// `keyring create` with a data key that exists.
struct DataKeyTests {
    private static func signs(_ broker: RunningBroker) async throws -> Bool {
        let answer = try await broker.client().call(
            "TrentService.Sign",
            ["KeyId": "alias/audit-ed25519", "Message": "AAAA", "SigningAlgorithm": "ED25519_SHA_512"]
        )
        return answer["Signature"] != nil
    }

    private static func context(_ broker: RunningBroker) throws -> JSON? {
        let configuration = try JSON.parse(try RunningBroker.bytes(broker.folder.file("enclave.json")))
        return configuration.object?["tsk"]?.object?["encryptionContext"]
    }

    @Test func `what aws kms generate-data-key printed serves as it stands, and the enclave unlocks with it`()
        async throws
    {
        let broker = try await RunningBroker(dataKey: .json)
        #expect(try Self.context(broker) == [:])
        #expect(try await Self.signs(broker))
        let printed = try JSON.parse(try RunningBroker.bytes(broker.folder.file("data-key.json")))
        #expect(printed.object?["Plaintext"]?.string == Base64.encode(broker.tsk))
    }

    @Test func `a wrapped key with a context of its own serves, its plaintext on standard input`() async throws {
        let broker = try await RunningBroker(dataKey: .blob)
        #expect(try Self.context(broker) == DataKeySource.context)
        #expect(try await Self.signs(broker))
    }

    // MARK: Without a broker

    static let arn = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    static let key = [UInt8](0..<32)
    static let answer: JSON = [
        "CiphertextBlob": .string(Base64.encode([1, 2, 3])), "Plaintext": .string(Base64.encode(key)),
        "KeyId": .string(arn),
    ]

    /// Makes a keyring of one key with these arguments; `data-key.json` and `blob` are in the folder.
    private static func create(
        _ arguments: [String],
        dataKey: [UInt8] = answer.serialized(),
        input: [UInt8] = [],
        key: JSON = ["keySpec": "HMAC_256"]
    ) async throws
        -> (status: Int32, text: String, commitment: String?, ciphertext: String?)
    {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let specification: JSON = [
            "format": 1, "keyringId": "k", "account": "000000000000", "region": "us-east-1",
            "keys": [["keySpec": "HMAC_512"], key],
        ]
        try RunningBroker.write(Self.key, folder.file("raw.key"))
        try RunningBroker.write(specification.serialized(), folder.file("keyring.json"))
        try RunningBroker.write(dataKey, folder.file("data-key.json"))
        try RunningBroker.write([1, 2, 3], folder.file("blob"))
        let result = try await Programs.run(
            [
                "keybroker", "keyring", "create", "--spec", folder.file("keyring.json"), "--broker-id", "b",
                "--configuration", folder.file("enclave.json"), "--state", folder.file("state"), "--credentials",
                folder.file("credentials"), "--json",
            ] + arguments.map { $0.hasPrefix("@") ? folder.file(String($0.dropFirst())) : $0 },
            input: input
        )
        let output = try? JSON.parse(Array(result.text.utf8))
        let text = result.text + result.errors
        #expect(!SecrecyTests.contains(Array(text.utf8), SecrecyTests.forms(Self.key)))
        if result.status != 0 {
            #expect(!FileManager.default.fileExists(atPath: folder.file("state")))
        }
        let tsk = try? JSON.parse(folder.bytes("enclave.json")).object?["tsk"]?.object
        return (result.status, text, output?.object?["commitment"]?.string, tsk?["ciphertext"]?.string)
    }

    @Test func `every way to give one key leads to one commitment and one ciphertext`() async throws {
        let text = Base64.encode(Self.key)
        let blob = ["--kms-key", Self.arn, "--ciphertext-blob", "@blob"]
        let made = [
            try await Self.create(["--data-key", "@data-key.json"]),
            try await Self.create(["--data-key", "@data-key.json", "--kms-key", Self.arn]),
            try await Self.create(["--data-key", "-"], input: Self.answer.serialized(pretty: true)),
            try await Self.create(blob, input: Self.key), try await Self.create(blob, input: Array(text.utf8)),
            try await Self.create(blob, input: Array("\(text)\r\n".utf8)),
            try await Self.create(blob + ["--encryption-context", "a=b,c=d"], input: Self.key),
            try await Self.create(blob, input: Self.answer.serialized()),
            // data-key.json as it stands, for either part and for both.
            try await Self.create(["--ciphertext-blob", "@data-key.json"], input: Self.key),
            try await Self.create(["--ciphertext-blob", "@data-key.json"], input: Array("\(text)\n".utf8)),
            try await Self.create(
                ["--ciphertext-blob", "@data-key.json"],
                input: Self.answer.serialized(pretty: true)
            ),
        ]
        #expect(made.first?.commitment?.count == 96)
        #expect(Set(made.map(\.commitment)).count == 1)
        #expect(Set(made.map(\.ciphertext)) == [Base64.encode([1, 2, 3])])
    }

    /// Programs that took the data key itself for their AES key have envelopes under it: it may be a key, or the TSK, but
    /// not both.
    @Test(arguments: ["SYMMETRIC_DEFAULT", "HMAC_256"])
    func `the data key is not imported under itself, and under another one it is`(spec: String) async throws {
        let key: JSON = ["keySpec": .string(spec), "importFile": "raw.key"]
        let same = try await Self.create(["--data-key", "@data-key.json"], key: key)
        #expect(same.status == 2)
        #expect(same.text.contains("keys[1] is the data key itself"), "\(same.text)")
        var other = Self.answer.object ?? JSONObject()
        other["Plaintext"] = .blob([UInt8](1...32))
        let made = try await Self.create(
            ["--data-key", "@data-key.json"],
            dataKey: JSON.object(other).serialized(),
            key: key
        )
        #expect(made.status == 0, "\(made.text)")
    }

    static let wrong: [(arguments: [String], dataKey: JSON, input: [UInt8], says: String)] = {
        func with(_ name: String, _ value: JSON?) -> JSON {
            var object = answer.object ?? JSONObject()
            object[name] = value
            return .object(object)
        }
        let json = ["--data-key", "@data-key.json"]
        let blob = ["--kms-key", arn, "--ciphertext-blob", "@blob"]
        let half = JSON.string(Base64.encode([UInt8](0..<16)))
        return [
            (json, with("Plaintext", nil), [], "has no Plaintext in base64"),
            (json, with("Plaintext", "not base64"), [], "has no Plaintext in base64"),
            (json, with("Plaintext", half), [], "the plaintext has 16 bytes, and a TSK has 32"),
            (json, with("CiphertextBlob", nil), [], "has no CiphertextBlob in base64"),
            (json, with("KeyId", nil), [], "--kms-key is missing"),
            (json + ["--kms-key", arn + "6"], answer, [], "--kms-key and the KeyId of the data key differ"),
            (json + ["--ciphertext-blob", "@blob"], answer, [], "give one"),
            (json + ["--encryption-context", "a"], answer, [], "expected name=value"),
            (json + ["--encryption-context", "a=b,a=c"], answer, [], "a is there twice"),
            (json + ["--encryption-context", "=b"], answer, [], "a name is empty"),
            (json + ["--encryption-context", #"{"a":1}"#], answer, [], "the value of a is not a text"),
            (
                ["--kms-key", arn, "--encryption-context", "a=b"], answer, [],
                "goes with --data-key or --ciphertext-blob"
            ),
            (["--kms-key", arn, "--ciphertext-blob", "-"], answer, key, "standard input is for the plaintext"),
            (["--ciphertext-blob", "@blob"], answer, key, "--kms-key is missing"),
            (blob, answer, [], "expected the plaintext of the data key"),
            (blob, answer, [UInt8](0..<33), "expected the plaintext of the data key"),
            (blob, answer, with("Plaintext", nil).serialized(), "expected the plaintext of the data key"),
            (
                ["--ciphertext-blob", "@data-key.json"], with("CiphertextBlob", nil), key,
                "has no CiphertextBlob in base64"
            ),
            (["--ciphertext-blob", "@data-key.json"], with("KeyId", nil), key, "--kms-key is missing"),
            (blob, answer, Array(Base64.encode([UInt8](0..<24)).utf8) + [0x0A], "the plaintext has 24 bytes"),
            (blob, answer, Array(Base64.encode([UInt8](0..<24)).utf8), "the plaintext has 24 bytes"),
        ]
    }()

    @Test(arguments: wrong.indices)
    func `what does not fit is refused, writes nothing and shows nothing`(index: Int) async throws {
        let wrong = Self.wrong[index]
        let result = try await Self.create(wrong.arguments, dataKey: wrong.dataKey.serialized(), input: wrong.input)
        #expect(result.status == 2)
        #expect(result.text.contains(wrong.says), "\(result.text)")
    }
}
