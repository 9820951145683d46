// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import KMSProtocol
import KeyService
import Keyring
import TestSupport
import Testing

/// A keyring for payloads: a key that nobody knows, and one that was imported.
enum WorkflowKeyring {
    /// The key of CSE-MAW's own vectors, imported as the raw bytes that it is.
    static let key = [UInt8](0..<32)

    static let specification: JSON = [
        "format": 1, "keyringId": "test-keys", "account": "000000000000", "region": "us-east-1",
        "keys": [
            ["aliases": ["alias/workflow"], "keySpec": "SYMMETRIC_DEFAULT"],
            ["aliases": ["alias/imported"], "keySpec": "SYMMETRIC_DEFAULT", "importFile": "workflow.key"],
            ["aliases": ["alias/hmac"], "keySpec": "HMAC_256"],
        ],
        "principals": [
            ["name": "administrator", "policies": [allow(["kms:*", "keybroker:*"])]],
            ["name": "sealer", "policies": [allow(["kms:Encrypt"])]],
        ],
    ]

    private static func allow(_ actions: JSON) -> JSON {
        ["Version": "2012-10-17", "Statement": [["Effect": "Allow", "Action": actions, "Resource": "*"]]]
    }

    @Sendable static func prepare(_ folder: TemporaryDirectory) async throws {
        try RunningBroker.write(key, folder.file("workflow.key"))
    }
}

/// `KeyBroker.Encrypt` and `KeyBroker.Decrypt` over TLS that ends in the enclave, with the programs, by clients and with
/// envelopes that nobody here made.
@Suite(
    .serialized,
    .sharedBroker(tls: true, specification: WorkflowKeyring.specification, prepare: WorkflowKeyring.prepare)
)
struct EnvelopeClientTests {
    private static let examples = SharedData.repository.appendingPathComponent("docs/examples").path

    private func key(_ arguments: [String], input: [UInt8] = []) async throws -> Tool.Result {
        try await Programs.run(
            ["keybroker", "key"] + arguments,
            environment: try SharedBroker.current.clientEnvironment,
            input: input
        )
    }

    private func python(_ script: String, input: [UInt8] = [], _ more: [String: String] = [:]) async throws {
        let own = ["EXAMPLES": Self.examples, "WORKFLOW_KEY": Hex.encode(WorkflowKeyring.key)]
        let result = try await Programs.run(
            ["python3", ClientTests.clients.appendingPathComponent(script).path],
            environment: try SharedBroker.current.clientEnvironment.merging(own) { $1 }.merging(more) { $1 },
            input: input
        )
        #expect(result.status == 0 && result.text.hasSuffix("ok\n"), "\(result.text)\(result.errors)")
    }

    // MARK: Clients that nobody here wrote

    @Test(.enabled(if: ClientTests.hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `Python's cryptography opens what the broker sealed, the broker what it sealed, and neither anything else`()
        async throws
    {
        try await python("envelopes.py", ["MARKER": "a payload that is for the enclave alone"])
    }

    @Test(
        .enabled(if: ClientTests.hasBoto3, "boto3 and cryptography are not installed: make test installs them"),
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing))
    )
    func `CSE-MAW's messages have an answer in their shapes, and a failure is one`() async throws {
        try await python("workflow_messages.py", input: try SharedData.bytes("systems/cse-maw/messages.json"))
    }

    @Test(.enabled(if: ClientTests.hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `the example runs as it is printed`() async throws {
        let result = try await Programs.run(
            ["python3", Self.examples + "/envelopes.py", "alias/workflow"],
            environment: try SharedBroker.current.clientEnvironment
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(try Base64.decode(result.text.dropLast()).count == 12 + 14 + 16)
    }

    // MARK: The command line

    @Test(
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)),
        arguments: [("hex", "docs04_hex"), ("base64", "adb8702_base64"), ("object", "5a9b11c_object")]
    )
    func `what CSE-MAW sealed opens once its key is imported, and not when a bit of it is changed`(
        form: String,
        name: String
    ) async throws {
        let vectors = try #require(try JSON.parse(try SharedData.bytes("systems/cse-maw/aes_gcm_vectors.json")).object)
        #expect(vectors["tsk_hex"]?.string == Hex.encode(WorkflowKeyring.key))
        let value = try #require(vectors[name])
        let text = value.string.map { Array($0.utf8) } ?? value.serialized()
        let decrypt = ["decrypt", "alias/imported", "--format", form]
        let opened = try await key(decrypt, input: text + [0x0A])
        #expect(opened.status == 0, "\(opened.errors)")
        #expect(opened.text == vectors["plaintext_utf8"]?.string)

        let sealed = try Hex.decode(try #require(vectors["docs04_hex"]?.string))
        for index in [0, 12, sealed.count - 1] {
            var changed = sealed
            changed[index] ^= 0x80
            let refused = try await key(decrypt, input: Self.write(changed, form))
            #expect(refused.status == 1 && refused.output.isEmpty)
            #expect(refused.errors.contains("InvalidCiphertextException"), "\(refused.errors)")
        }
        let other = try await key(["decrypt", "alias/workflow", "--format", form], input: text)
        #expect(other.status == 1 && other.errors.contains("InvalidCiphertextException"))
    }

    private static func write(_ sealed: [UInt8], _ form: String) -> [UInt8] {
        switch form {
        case "hex": return Array(Hex.encode(sealed).utf8)
        case "base64": return Array(Base64.encode(sealed).utf8)
        default:
            let object: JSON = [
                "nonce": .blob(Array(sealed.prefix(12))), "ciphertext": .blob(Array(sealed.dropFirst(12))),
            ]
            return object.serialized()
        }
    }

    @Test(arguments: ["base64", "hex", "object"])
    func `a file is encrypted and decrypted, bound to a step, and its owner alone reads it`(form: String) async throws {
        let folder = try TemporaryDirectory()
        let payload = [UInt8](0...255) + Array("\n".utf8)
        try RunningBroker.write(payload, folder.file("payload"))
        let bound = ["alias/workflow", "--format", form, "--bind", "order-17/step-2"]
        let sealed = try await key(
            ["encrypt"] + bound + ["--payload", folder.file("payload"), "-o", folder.file("sealed")]
        )
        #expect(sealed.status == 0 && sealed.text.isEmpty, "\(sealed.errors)")
        let opened = try await key(
            ["decrypt"] + bound + ["--envelope", folder.file("sealed"), "-o", folder.file("opened")]
        )
        #expect(opened.status == 0 && opened.text.isEmpty, "\(opened.errors)")
        #expect(try folder.bytes("opened") == payload)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("opened"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)

        let elsewhere = try await key(
            ["decrypt", "alias/workflow", "--format", form, "--bind", "order-17/step-3", "--envelope"]
                + [folder.file("sealed"), "-o", folder.file("other")]
        )
        #expect(elsewhere.status == 1 && elsewhere.errors.contains("InvalidCiphertextException"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("other")))
        for unlike in ["base64", "hex", "object"] where unlike != form {
            let misread = try await key(
                ["decrypt", "alias/workflow", "--format", unlike, "--envelope", folder.file("sealed")]
            )
            #expect(misread.status == 2 && misread.output.isEmpty, "\(form) \(unlike)")
        }
    }

    @Test func `standard input goes to standard output, and what is too long is not sent`() async throws {
        let payload = Array("piped".utf8)
        let sealed = try await key(["encrypt", "alias/workflow"], input: payload)
        #expect(sealed.status == 0)
        #expect(try await key(["decrypt", "alias/workflow"], input: sealed.output).output == payload)
        let long = try await key(["encrypt", "alias/workflow"], input: [UInt8](repeating: 7, count: 122_881))
        #expect(long.status == 2 && long.errors.contains("more than 122880 bytes"))
        let nothing = try await key(["decrypt", "alias/workflow"], input: Array("not an envelope".utf8))
        #expect(nothing.status == 2 && nothing.errors.contains("--format"))
    }

    @Test(arguments: ["encrypt", "decrypt"])
    func `nothing is sent over plain HTTP`(command: String) async throws {
        let http = try SharedBroker.current.url.replacing("https:", with: "http:")
        let result = try await key([command, "alias/workflow", "--endpoint", http], input: Array("secret".utf8))
        #expect(result.status == 2)
        #expect(result.errors.contains("is no https"))
    }

    // MARK: Secrecy

    @Test func `a payload is in no log, no file and not in the host's memory`() async throws {
        let broker = try SharedBroker.current
        let payload = Array("payload of step 2: \(Hex.encode(try SecureRandom.bytes(count: 24)))".utf8)
        let sealed = try await key(["encrypt", "alias/workflow"], input: payload)
        let opened = try await key(["decrypt", "alias/workflow"], input: sealed.output)
        #expect(opened.output == payload)
        var altered = Array(sealed.output.dropLast())
        altered[20] = altered[20] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        #expect(try await key(["decrypt", "alias/workflow"], input: altered).status == 1)

        let forms = SecrecyTests.forms(payload)
        // The imported key as text: its bytes, one after the other, are in every program.
        let imported = Array(SecrecyTests.forms(WorkflowKeyring.key).dropFirst())
        var keys: [[UInt8]] = []
        for record in try broker.openedKeyring().keys.filter({ $0.origin == .offline }) {
            guard case .symmetric(let secret) = record.material else { continue }
            keys.append(secret.bytes.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) } })
        }
        #expect(keys.count == 2)
        #expect(SecrecyTests.contains(opened.output, forms))
        let files = try #require(FileManager.default.enumerator(atPath: broker.folder.path))
        var searched = 0
        while let file = files.nextObject() as? String {
            guard let data = FileManager.default.contents(atPath: broker.folder.file(file)) else { continue }
            searched += 1
            #expect(!SecrecyTests.contains([UInt8](data), forms), "\(file)")
            #expect(!SecrecyTests.contains([UInt8](data), imported + keys.flatMap(SecrecyTests.forms)), "\(file)")
        }
        #expect(searched > 6)
        let known = Array("host-secret".utf8)
        // Each pattern is a search of its own: the payload as it is and in its request, keys as they are.
        let sought = [payload, Array(Base64.encode(payload).utf8)] + keys + [known]
        let found = try ProcessMemory(process: broker.host.processIdentifier).finds(sought)
        #expect(found == [known])
    }
}
