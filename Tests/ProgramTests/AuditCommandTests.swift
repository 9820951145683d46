// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker audit`, signing with the development KMS.
struct AuditCommandTests {
    let kms: RunningKMS
    var folder: TemporaryDirectory { kms.folder }

    init() async throws { kms = try await RunningKMS() }

    private func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: String = ""
    ) async throws -> Tool.Result {
        try await Programs.run(
            ["keybroker"] + arguments,
            environment: kms.environment.merging(environment) { $1 },
            input: Array(input.utf8)
        )
    }

    private func succeed(_ arguments: [String], input: String = "") async throws -> String {
        let result = try await run(arguments, input: input)
        guard result.status == 0 else {
            throw Unexpected("\(arguments): \(result.status): \(result.errors)\(result.text)")
        }
        return result.text
    }

    /// A key of the KMS, and a registry with its public key under `k`.
    private func key(_ spec: String, alias: String) async throws -> String {
        _ = try await succeed(["key", "create", "--spec", spec, "--alias", alias])
        guard !spec.hasPrefix("HMAC") else { return "" }
        let pem = try await succeed(["key", "public-key", "alias/\(alias)"])
        let registry: JSON = ["signers": [["kid": "k", "key": .string(pem)]]]
        return try folder.write("\(alias).json", String(decoding: registry.serialized(), as: UTF8.self))
    }

    private static let events = (1...3).map {
        #"{"actor_id": "a\#($0 % 2)", "event_type": "t", "payload": {"n": \#($0), "text": "é <&>"}}"#
    }.joined(separator: "\n")

    private func verify(_ profile: String, _ registry: String, _ chain: String, _ more: [String] = []) async throws
        -> JSONObject
    {
        let result = try await run(["audit", "verify", "--profile", profile, "-s", registry, "--json", chain] + more)
        #expect(try JSONSchema("audit-verify-output").faults(in: result.output) == [], "\(result.errors)")
        let object = try #require(try JSON.parse(result.output).object)
        #expect(result.status == (object["verdict"] == "accepted" ? 0 : 1))
        return object
    }

    @Test(arguments: [
        ("jcs", "ECC_NIST_P256"), ("illuvrse-a", "RSA_2048"), ("illuvrse-b", "ECC_SECG_P256K1"),
        ("illuvrse-c", "ECC_NIST_EDWARDS25519"),
        ("illuvrse-go", "ECC_NIST_EDWARDS25519"),
    ])
    func `a chain is begun, gone on with, and verifies`(profile: String, spec: String) async throws {
        let registry = try await key(spec, alias: "a")
        let chain = folder.file("chain.jsonl")
        let sign = ["audit", "sign", "--profile", profile, "--key", "alias/a", "--kid", "k"]
        _ = try await succeed(sign + ["-o", chain], input: Self.events)
        _ = try await succeed(sign + ["--append", chain], input: "[\(Self.events.replacing("\n", with: ","))]")
        let report = try await verify(profile, registry, chain, ["--expect-count", "6"])
        #expect(report["verdict"] == "accepted" && report["signatures"] == 6 && report["end"] == "checked")
        // One event less, or another word in one.
        let lines = folder.read("chain.jsonl").split(separator: "\n")
        #expect(lines.count == 6)
        let short = try folder.write("short.jsonl", lines.dropFirst().joined(separator: "\n"))
        #expect(try await verify(profile, registry, short)["reason"] == "dropped-head")
        let forged = try folder.write(
            "forged.jsonl",
            lines.joined(separator: "\n").replacing("\"n\":2", with: "\"n\":7")
        )
        #expect(try await verify(profile, registry, forged)["verdict"] == "rejected")
        // A new chain is not begun in a file that is there.
        #expect(try await run(sign + ["-o", chain], input: Self.events).status == 2)
        // Nor is one gone on with that is broken.
        let broken = try await run(sign + ["--append", short], input: Self.events)
        #expect(broken.status == 1 && broken.errors.contains("dropped-head"))
    }

    @Test func `writers that append at once do not fork the chain`() async throws {
        let registry = try await key("ECC_NIST_EDWARDS25519", alias: "a")
        let chain = folder.file("chain.jsonl")
        let environment = kms.environment
        try await withThrowingTaskGroup(of: Int32.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await Programs.run(
                        [
                            "keybroker", "audit", "sign", "--profile", "illuvrse-a", "--key", "alias/a", "--kid", "k",
                            "--append", chain,
                        ],
                        environment: environment,
                        input: Array(Self.events.utf8)
                    ).status
                }
            }
            for try await status in group { #expect(status == 0) }
        }
        let report = try await verify("illuvrse-a", registry, chain, ["--expect-count", "12"])
        #expect(report["verdict"] == "accepted")
    }

    // MARK: No other key

    @Test func `without a key of the broker nothing is signed, whatever else there is`() async throws {
        let local = [
            "AUDIT_SIGNING_PRIVATE_KEY": "secret", "AUDIT_SIGNING_KEY_SOURCE": "env",
            "AUDIT_SIGNING_ALG": "hmac-sha256",
            "REQUIRE_KMS": "false", "NODE_ENV": "development",
        ]
        let none = try await run(["audit", "sign", "--profile", "illuvrse-a"], environment: local, input: Self.events)
        #expect(none.status == 2 && none.output.isEmpty && none.errors.contains("No other key is ever used"))
        for command in [
            ["audit", "sign", "--profile", "illuvrse-a", "-o", folder.file("none.jsonl")], ["erst", "sign"],
        ] {
            let result = try await run(
                command,
                environment: [
                    "AUDIT_SIGNING_KMS_KEY_ID": "alias/none", "ERST_KMS_KEY_ID": "alias/none", "REQUIRE_KMS": "0",
                ],
                input: Self.events.split(separator: "\n").first.map(String.init) ?? ""
            )
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(result.errors.contains("kms signing failed: NotFoundException"), "\(result.errors)")
        }
        #expect(folder.read("none.jsonl").isEmpty)
    }

    @Test func `the systems' own variables stand for the flags`() async throws {
        _ = try await key("HMAC_256", alias: "h")
        let variables = [
            "AUDIT_SIGNING_KMS_KEY_ID": "alias/h", "AUDIT_SIGNER_KID": "mac", "AUDIT_SIGNING_ALG": "HMAC-SHA256",
        ]
        let result = try await run(
            ["audit", "sign", "--profile", "illuvrse-a"],
            environment: variables,
            input: Self.events
        )
        #expect(result.status == 0, "\(result.errors)")
        var stream = result.text.split(separator: "\n")[...]
        let record = try #require(try JSON.parse(Array((stream.popFirst() ?? "").utf8)).object)
        #expect(record["signer_kid"] == "mac")
        #expect(try Base64.decode(try #require(record["signature"]?.string)).count == 32)
    }

    // MARK: Against others

    @Test func `a chain verifies with openssl, jq and sha256sum, as the page says`() async throws {
        for (spec, alias) in [("ECC_NIST_EDWARDS25519", "ed"), ("ECC_NIST_P256", "ec"), ("RSA_2048", "rsa")] {
            let pem = try await key(spec, alias: alias)
            let written = try #require(
                try JSON.parse(Array(folder.read("\(alias).json").utf8)).object?["signers"]?.array?[0].object?["key"]
            )
            #expect(!pem.isEmpty)
            let algorithm: JSON = alias == "ed" ? "ed25519" : "other"
            let registry = try folder.write(
                "signers.json",
                String(
                    decoding: JSON.object(
                        JSONObject([("signers", [["signerId": "k", "publicKey": written, "algorithm": algorithm]])])
                    ).serialized(),
                    as: UTF8.self
                )
            )
            let chain = folder.file("\(alias).jsonl")
            _ = try await succeed(
                ["audit", "sign", "--profile", "illuvrse-a", "--key", "alias/\(alias)", "--kid", "k", "-o", chain],
                input: Self.events
            )
            let script = try folder.write("verify-chain.sh", try Self.recipe("chain"))
            let accepted = try await Tool.run("bash", [script, registry, chain])
            #expect(accepted.status == 0, "\(accepted.text)\(accepted.errors)")
            let report = try await verify(
                "illuvrse-a",
                registry.replacing("signers.json", with: "\(alias).json"),
                chain
            )
            #expect(accepted.text.hasSuffix("head \(report["heads"]?.array?[0].object?["digest"]?.string ?? "?")\n"))
            let text = folder.read("\(alias).jsonl")
            let forged = try folder.write("forged.jsonl", text.replacing("\"n\":3", with: "\"n\":4"))
            #expect(try await Tool.run("bash", [script, registry, forged]).text == "event 3: signature\n")
            let cut = try folder.write(
                "cut.jsonl",
                text.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n"
            )
            #expect(try await Tool.run("bash", [script, registry, cut]).text == "event 1: wrong link\n")
        }
    }

    /// A script of docs/AUDIT.md.
    static func recipe(_ name: String) throws -> String {
        let file = SharedData.repository.appendingPathComponent("docs/AUDIT.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        let rest = try #require(page.components(separatedBy: "<!-- recipe: \(name) -->\n```bash\n").last)
        return try #require(rest.components(separatedBy: "```").first)
    }

    // MARK: Without a broker

    @Test func `canonical forms are printed one a line, and what has none by its place`() async throws {
        let input = "{\"b\":1.0,\n\"a\":\"é\"}\n[1e21]\n[9007199254740993]\n"
        for (profile, lines) in [
            ("jcs", "{\"a\":\"é\",\"b\":1}\n[1e+21]\n"),
            ("illuvrse-go", "{\"a\":\"é\",\"b\":1.0}\n[1e21]\n[9007199254740993]\n"),
            ("glassbox", "{\"a\":\"é\",\"b\":1}\n"),
        ] {
            let result = try await run(["audit", "canonicalize", "--profile", profile], input: input)
            #expect(result.text == lines)
            let failed = ["jcs": "value 3", "glassbox": "value 2"][profile].map {
                "\($0): has no canonical form: unsafe-integer"
            }
            #expect((result.status == 0) == (failed == nil))
            if let failed { #expect(result.errors.contains(failed)) }
        }
    }

    // Expected: Python's hashlib over the payload's bytes and the digest before.
    @Test func `payloads are linked where a profile covers nothing else`() async throws {
        let input = "{\"n\":1}\n{\"n\":2}\n{ \"n\" : 1 }"
        #expect(
            try await succeed(["audit", "digest", "--profile", "illuvrse-a", "--payloads"], input: input) == """
                2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd
                09631ca0941f95a65cad1fdc45e7ded12f5545ecfca5f154306b72176aae4bca
                90201f215c9a6ad6cc1b25a1dd15d9628d2ac96e2307859426787d7c170b2e42

                """
        )
        #expect(try await run(["audit", "digest", "--profile", "illuvrse-c", "--payloads"], input: input).status == 2)
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `the systems' archives are verified as they lie on the disk`() async throws {
        let illuvrse = SharedData.root.appendingPathComponent("systems/illuvrse")
        let archive = illuvrse.appendingPathComponent("archive_go_filestore").path
        let files = try FileManager.default.contentsOfDirectory(atPath: archive).filter { $0.hasPrefix("audit_") }
            .sorted()
        let head = try String(contentsOfFile: "\(archive)/head.hash", encoding: .utf8)
        _ = try await succeed(
            ["audit", "verify", "--profile", "illuvrse-go", "--hashes-only", "--unordered", "--expect-head", head]
                + files.map { "\(archive)/\($0)" }
        )
        for algorithm in ["ed25519", "rsa-sha256", "hmac-sha256"] {
            let chain = illuvrse.appendingPathComponent("generated_chains/chain_\(algorithm).json").path
            let file = try JSON.parse([UInt8](try Data(contentsOf: URL(fileURLWithPath: chain))))
            let signers = try #require(file.object?["signers"])
            let registry = try folder.write("signers.json", String(decoding: signers.serialized(), as: UTF8.self))
            #expect(try await verify("illuvrse-a", registry, chain)["signatures"] == 5)
        }
    }

    @Test func `without knowing whose signatures count nothing is verified`() async throws {
        let result = try await run(["audit", "verify", "--profile", "jcs"], input: "{}")
        #expect(result.status == 2 && result.errors.contains("--hashes-only"))
        #expect(try await run(["audit", "verify", "--hashes-only"], input: "{}").status == 2)
    }
}
