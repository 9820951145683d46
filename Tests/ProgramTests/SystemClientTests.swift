// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// The systems that the broker replaces, over attested TLS: the calls that their code makes, by an AWS SDK, verified by their own
/// rules in Python; then the same files, verified by `keybroker`. (Their SDK is Node's, which is not installed here.)
@Suite(.serialized, .sharedBroker(tls: true))
struct SystemClientTests {
    private static let missing: Comment = "boto3 and cryptography are not installed: make test installs them"

    /// Runs a client; the folder with what it made.
    private static func run(_ arguments: [String], environment: [String: String] = [:]) async throws
        -> TemporaryDirectory
    {
        let folder = try TemporaryDirectory()
        try await run(arguments, in: folder, environment: environment)
        return folder
    }

    private static func run(_ arguments: [String], in folder: TemporaryDirectory, environment: [String: String] = [:])
        async throws
    {
        let broker = try SharedBroker.current
        let variables = broker.clientEnvironment.merging(["OUT": folder.path, "PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
        let result = try await Programs.run(
            ["python3", ClientTests.clients.appendingPathComponent(arguments[0]).path] + arguments.dropFirst(),
            environment: variables.merging(environment) { $1 }
        )
        #expect(result.status == 0 && result.text.hasSuffix("ok\n"), "\(result.text)\(result.errors)")
    }

    /// What `keybroker` says of files, without a broker to ask.
    private static func verify(_ arguments: [String]) async throws -> Tool.Result {
        try await Programs.run(["keybroker"] + arguments, environment: ["AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:9"])
    }

    @Test(.enabled(if: ClientTests.hasBoto3, missing))
    func `ILLUVRSE's programs sign, publish their keys and verify, and so does keybroker audit`() async throws {
        let generated = SharedData.root.appendingPathComponent("systems/illuvrse/generated_chains").path
        var environment = ["IMPORTED_HMAC_KEY": Hex.encode(try SharedBroker.current.imported.hmac)]
        if SharedData.isAvailable { environment["GENERATED"] = generated }
        let folder = try await Self.run(["illuvrse.py"], environment: environment)
        for algorithm in ["rsa-sha256", "ed25519"] {
            let chain = folder.file("chain-\(algorithm).json")
            let verify = ["audit", "verify", "--profile", "illuvrse-a", "-s", folder.file("signers.json")]
            let head = folder.read("head-\(algorithm)")
            #expect(head.count == 64)
            let accepted = try await Self.verify(verify + ["--expect-head", head, chain])
            #expect(accepted.status == 0, "\(accepted.text)\(accepted.errors)")
            let forged = try folder.write(
                "forged.json",
                folder.read("chain-\(algorithm).json").replacing("0.91", with: "0.99")
            )
            let rejected = try await Self.verify(verify + [forged])
            #expect(rejected.status == 1 && rejected.text.contains("event 2"), "\(rejected.text)")
        }
        let go = [
            "audit", "verify", "--profile", "illuvrse-go", "-s", folder.file("go-signers.json"),
            folder.file("chain-go.jsonl"),
        ]
        #expect(try await Self.verify(go).status == 0)
        // Whoever could verify MACs offline could make them: the client asked the broker, and the rest is checked.
        let macs = ["audit", "verify", "--profile", "illuvrse-a", folder.file("chain-hmac-sha256.json")]
        let hashes = try await Self.verify(macs + ["--hashes-only"])
        #expect(hashes.status == 0 && hashes.text.contains("signatures: unchecked"), "\(hashes.text)")
        let unknown = try await Self.verify(macs + ["-s", folder.file("signers.json")])
        #expect(unknown.status == 1 && unknown.text.contains("unknown-signer"), "\(unknown.text)")
    }

    @Test(.enabled(if: ClientTests.hasBoto3, missing))
    func `ERST's signers get KMS's errors as they are, and as they have to be signatures that its verifier takes`()
        async throws
    {
        let folder = try await Self.run(["erst.py"])
        for key in ["ed25519", "p256", "rsa"] {
            for version in [1, 2] {
                let result = try await Self.verify([
                    "erst", "verify", "--public-key", folder.file("\(key).pem"), folder.file("\(key)-v\(version).json"),
                ])
                #expect(
                    result.status == 0 && result.text.contains("version: erst-v\(version)"),
                    "\(key) \(result.text)"
                )
            }
        }
        let raw = try await Self.verify([
            "erst", "verify", "--public-key", folder.file("ed25519.pem"), folder.file("raw-digest.json"),
        ])
        #expect(raw.status == 1 && raw.text.contains("signature-invalid"), "\(raw.text)")
    }

    @Test(.enabled(if: ClientTests.hasBoto3, missing))
    func `dossier's tools sign a hundred dossiers, and each verifies offline, by KMS Verify and by keybroker dossier`()
        async throws
    {
        let folder = try await Self.run(["dossier.py", "sign", "100"])
        let files = (0..<100).map { folder.file("\($0).ds.md") }
        let verify = ["dossier", "verify", "--public-key", folder.file("key.pem")]
        let accepted = try await Self.verify(verify + files)
        #expect(accepted.status == 0 && accepted.text.matches(of: /: accepted\n/).count == 100, "\(accepted.errors)")
        let forged = try await Self.verify(verify + [folder.file("forged.ds.md")])
        #expect(forged.status == 1 && forged.text.contains("signature-invalid"), "\(forged.text)")
    }

    @Test(.enabled(if: ClientTests.hasBoto3, missing))
    func `a hundred dossiers that keybroker dossier signed verify by dossier's rules`() async throws {
        let broker = try SharedBroker.current
        let folder = try TemporaryDirectory()
        let pem = try await RunningBroker.succeed(
            ["keybroker", "key", "public-key", "alias/audit-p256"],
            environment: broker.clientEnvironment
        )
        try folder.write("key.pem", pem)
        let files = try (0..<100).map {
            try folder.write("\($0).ds.md", "---dossier\n{\n  \"title\": \"\($0)\"\n}\n---\n# Number \($0)\n\nü\n")
        }
        _ = try await RunningBroker.succeed(
            ["keybroker", "dossier", "sign", "--key", "alias/audit-p256"] + files,
            environment: broker.clientEnvironment
        )
        try await Self.run(["dossier.py", "verify"] + files, in: folder)
    }
}
