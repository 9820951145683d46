// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// What the programs read and write is what docs/reference says. (`bench` is held to its schema in `BenchTests`.)
struct SchemaTests {
    private static let fixtures = SharedData.repository.appendingPathComponent("attestation-fixtures")

    private static func output(_ arguments: [String], environment: [String: String] = [:]) async throws -> [UInt8] {
        try await Programs.run(["keybroker"] + arguments, environment: environment).output
    }

    private static func file(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test func `every schema is what some test holds a value to`() throws {
        let folder = SharedData.repository.appendingPathComponent("docs/reference")
        let schemas = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".schema.json") }.map { String($0.dropLast(".schema.json".count)) }
        #expect(schemas.count >= 9)
        var sources = ""
        let tests = SharedData.repository.appendingPathComponent("Tests")
        let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            if file.pathExtension == "swift" { sources += try String(contentsOf: file, encoding: .utf8) }
        }
        let unheld = schemas.filter {
            !sources.contains("JSONSchema(\"\($0)\")") && !sources.contains("\($0).schema.json")
        }
        #expect(unheld == [])
    }

    @Test func `a value with one thing wrong is against its schema`() throws {
        let schema = try JSONSchema("broker-configuration")
        let sample: JSON = [
            "format": 1, "brokerId": "b", "account": "000000000000", "region": "us-east-1", "mode": "serve",
            "kms": [
                "keyArn": "arn:aws:kms:us-east-1:000000000000:key/0a1b2c3d-4e5f-4a6b-8c7d-000000000001",
                "channel": "relay",
            ],
            "tsk": [
                "ciphertext": "AAAA", "encryptionContext": [:],
                "commitment": .string(String(repeating: "0", count: 96)),
                "born": "offline",
            ],
            "keyringId": "k", "minimumKeyringVersion": 1, "hosts": ["127.0.0.1"], "ingress": ["tls": false],
        ]
        #expect(schema.faults(in: sample) == [])
        let object = try #require(sample.object)
        for (name, wrong) in [
            ("format", 2), ("format", "1"), ("format", nil), ("account", "1"), ("mode", "init2"), ("more", 1),
            ("minimumKeyringVersion", 0), ("hosts", []), ("hosts", [1]), ("ingress", ["tls": "no"]),
            ("ingress", ["tls": false, "more": 1]), ("kms", ["channel": "relay"]), ("brokerId", ""),
        ] as [(String, JSON?)] {
            var damaged = object
            damaged[name] = wrong
            #expect(!schema.faults(in: .object(damaged)).isEmpty, "\(name)")
        }
    }

    @Test func `a verification is as its schema says, accepted, rejected or malformed`() async throws {
        let schema = try JSONSchema("verify-output")
        let manifest = try JSON.parse(try Self.file(Self.fixtures.appendingPathComponent("manifest.json").path))
        let entries = try #require(manifest.object?["fixtures"]?.array).compactMap(\.object)
        var verdicts: Set<String> = []
        for entry in stride(from: 0, to: entries.count, by: 4).map({ entries[$0] }) {
            guard let document = entry["file"]?.string, document.hasSuffix(".cbor") else { continue }
            let path = Self.fixtures.appendingPathComponent(document).path
            let root = Self.fixtures.appendingPathComponent("mock-pki/root.pem").path
            let output = try await Self.output(["verify", path, "--at", "document", "--root", root, "--json"])
            #expect(try schema.faults(in: output) == [], "\(document)")
            verdicts.insert(try #require(try JSON.parse(output).object?["verdict"]?.string))
        }
        #expect(verdicts == ["accepted", "rejected"])
    }

    @Test func `replays, the manifest and every recording are as their schemas say`() async throws {
        let manifest = try Self.file(Self.fixtures.appendingPathComponent("manifest.json").path)
        #expect(try JSONSchema("fixture-manifest").faults(in: manifest) == [])
        let replay = try await Self.output(["replay", Self.fixtures.path, "--json"])
        #expect(try JSONSchema("replay-output").faults(in: replay) == [])
        let schema = try JSONSchema("unlock-recording")
        let folder = Self.fixtures.appendingPathComponent("unlocks")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        var count = 0
        for name in names {
            let file = folder.appendingPathComponent("\(name)/recording.json").path
            guard FileManager.default.fileExists(atPath: file) else { continue }
            #expect(try schema.faults(in: try Self.file(file)) == [], "\(name)")
            count += 1
        }
        #expect(count > 5)
    }

    @Test func `what an installation reads and writes is as the schemas say`() async throws {
        let broker = try await RunningBroker()
        let folder = broker.folder
        #expect(try JSONSchema("keyring-specification").faults(in: try folder.bytes("keyring.json")) == [])
        #expect(try JSONSchema("broker-configuration").faults(in: try folder.bytes("enclave.json")) == [])
        #expect(try JSONSchema("host-configuration").faults(in: try folder.bytes("host.json")) == [])

        let show = try await Self.output(["keyring", "show", folder.file("state/keyring-1.cose"), "--json"])
        #expect(try JSONSchema("keyring-show").faults(in: show) == [])

        let backup = try await Self.output([
            "keyring", "backup", "--host", folder.file("host.json"), "-o", folder.file("backup"), "--json",
        ])
        #expect(try JSONSchema("backup-manifest").faults(in: backup) == [])
        for command in [
            ["list"], ["describe", "alias/audit-p256"], ["alias", "list"], ["public-key", "alias/audit-p256"],
        ] {
            let output = try await Self.output(["key"] + command + ["--json"], environment: broker.clientEnvironment)
            #expect(try JSONSchema("operator-output").faults(in: output) == [], "\(command)")
        }

        let status = try await Self.output(["status", "--json"], environment: broker.clientEnvironment)
        #expect(try JSONSchema("status-output").faults(in: status) == [])

        let measured = try await Self.output(
            [
                "image", "measure", "--binary", Programs.path("keybroker-enclave"), "--config",
                folder.file("enclave.json"), "--json",
            ])
        #expect(try JSONSchema("image-measurement").faults(in: measured) == [])

        let attested = try await Self.output(
            [
                "attest", "--root", folder.file("module/root.pem"), "--binary", Programs.path("keybroker-enclave"),
                "--config", folder.file("enclave.json"), "--key", "alias/audit-p256", "--json",
            ],
            environment: broker.clientEnvironment
        )
        #expect(try JSONSchema("verify-output").faults(in: attested) == [])
        #expect(try JSON.parse(attested).object?["broker"] != nil)
    }

    @Test func `what trust prints and keeps is as its schemas say, trusted or not`() async throws {
        let broker = try await RunningBroker(tls: true)
        let output = try JSONSchema("trust-output")
        let state = try JSONSchema("trust-state")
        let trusted = try await broker.trust(["--json"])
        #expect(try output.faults(in: trusted.output) == [], "\(trusted.errors)")
        #expect(try JSON.parse(trusted.output).object?["trusted"] == true)
        #expect(try state.faults(in: try broker.folder.bytes("trust/test.json")) == [])

        let seen = #"{"format": 1, "keyrings": [{"keyringId": "test-keys", "version": 99, "digest": "DIGEST"}]}"#
            .replacing("DIGEST", with: String(repeating: "0", count: 96))
        try broker.folder.write("trust/test.json", seen)
        #expect(try state.faults(in: Array(seen.utf8)) == [])
        let refused = try await broker.trust(["--json"])
        #expect(refused.status == 1)
        #expect(try output.faults(in: refused.output) == [])
        #expect(try JSON.parse(refused.output).object?["reason"] == "keyring-rollback")
    }

    @Test func `what keyring create prints is as its schema says`() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(
            "keyring.json",
            #"""
            {"format": 1, "keyringId": "k", "account": "000000000000", "region": "us-east-1",
             "keys": [{"keySpec": "HMAC_256"}, {"keySpec": "ECC_NIST_P256", "aliases": ["alias/a"]}]}
            """#
        )
        try folder.write([1, 2, 3], as: "blob")
        let result = try await Programs.run(
            [
                "keybroker", "keyring", "create", "--spec", folder.file("keyring.json"), "--broker-id", "b",
                "--kms-key", DataKeyTests.arn, "--ciphertext-blob", folder.file("blob"), "--configuration",
                folder.file("enclave.json"), "--state", folder.file("state"), "--credentials",
                folder.file("credentials"), "--json",
            ],
            input: DataKeyTests.key
        )
        #expect(try JSONSchema("keyring-show").faults(in: result.output) == [], "\(result.errors)")
        #expect(try JSONSchema("keyring-specification").faults(in: try folder.bytes("keyring.json")) == [])
        #expect(try JSONSchema("broker-configuration").faults(in: try folder.bytes("enclave.json")) == [])
    }

    @Test func `what policy lint prints, and cases of policies, are as their schemas say`() async throws {
        let folder = SharedData.repository.appendingPathComponent("docs/policies").path
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let policies = names.filter { $0.hasSuffix(".key.json") || $0.hasSuffix(".iam.json") }
        #expect(policies.count > 3)
        let report = try await Self.output(["policy", "lint", "--json"] + policies.map { "\(folder)/\($0)" })
        #expect(try JSONSchema("policy-lint").faults(in: report) == [])
        let bypass =
            #"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}}"#
        let faulty = try await Programs.run(["keybroker", "policy", "lint", "--json", "-"], input: Array(bypass.utf8))
        #expect(try JSONSchema("policy-lint").faults(in: faulty.output) == [])
        #expect(faulty.text.contains("\"code\""))
        let schema = try JSONSchema("policy-cases")
        for name in names where name.hasSuffix(".cases.json") {
            #expect(try schema.faults(in: try Self.file("\(folder)/\(name)")) == [], "\(name)")
        }
    }

    @Test func `the host's samples are as their schema says`() throws {
        let schema = try JSONSchema("host-configuration")
        for name in ["host.json", "host-development.json"] {
            let file = SharedData.repository.appendingPathComponent("host/config/\(name)").path
            #expect(try schema.faults(in: try Self.file(file)) == [], "\(name)")
        }
    }
}
