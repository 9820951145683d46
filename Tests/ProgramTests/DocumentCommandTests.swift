// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker dossier` and `keybroker erst`, signing with the development KMS.
struct DocumentCommandTests {
    let kms: RunningKMS
    var folder: TemporaryDirectory { kms.folder }

    init() async throws { kms = try await RunningKMS() }

    private static let hasMinisign = FileManager.default.isExecutableFile(atPath: "/usr/bin/minisign")

    private func run(_ arguments: [String], environment: [String: String] = [:], input: String = "") async throws
        -> Tool.Result
    {
        try await Programs.run(
            ["keybroker"] + arguments,
            environment: kms.environment.merging(environment) { $1 },
            input: Array(input.utf8)
        )
    }

    private func succeed(_ arguments: [String], environment: [String: String] = [:], input: String = "") async throws
        -> String
    {
        let result = try await run(arguments, environment: environment, input: input)
        guard result.status == 0 else {
            throw Unexpected("\(arguments): \(result.status): \(result.errors)\(result.text)")
        }
        return result.text
    }

    /// A key of the KMS, and its public key in a file.
    private func key(_ spec: String, alias: String) async throws -> String {
        _ = try await succeed(["key", "create", "--spec", spec, "--alias", alias])
        return try folder.write("\(alias).pem", try await succeed(["key", "public-key", "alias/\(alias)"]))
    }

    private func verdicts(_ arguments: [String]) async throws -> [JSONObject] {
        let result = try await run(arguments + ["--json"])
        #expect(try JSONSchema("document-verify-output").faults(in: result.output) == [], "\(result.errors)")
        let list = try #require(try JSON.parse(result.output).array).compactMap(\.object)
        #expect((result.status == 0) == list.allSatisfy { $0["verdict"] == "accepted" })
        return list
    }

    // MARK: Dossiers

    private func dossier(_ name: String, body: String) throws -> String {
        try folder.write(name, "---dossier\n{\n  \"title\": \"T\",\n  \"risk\": 1.0\n}\n---\n\(body)")
    }

    @Test func `dossiers are signed and verified, by the page's recipe too`() async throws {
        let pem = try await key("ECC_NIST_P256", alias: "d")
        // Empty lines before the body are none of it.
        let files = try (0..<8).map {
            try dossier("\($0).ds.md", body: String(repeating: "\n", count: $0) + "# Number \($0)\n\n---\nü\n")
        }
        _ = try await succeed(["dossier", "sign", "--key", "alias/d", "--signed-by", "Team <t@example.org>"] + files)
        let list = try await verdicts(["dossier", "verify", "--public-key", pem] + files)
        #expect(
            list.count == 8 && list.allSatisfy { $0["trust"] == "pinned" && $0["signedBy"] == "Team <t@example.org>" }
        )
        #expect(
            folder.read("7.ds.md").hasPrefix(
                "---dossier\n{\n  \"title\": \"T\",\n  \"risk\": 1.0,\n  \"checksum\": {\n"
            )
        )
        let script = try folder.write("verify-dossier.sh", try AuditCommandTests.recipe("dossier"))
        for file in files.prefix(3) {
            let result = try await Tool.run("bash", [script, pem, file])
            #expect(result.status == 0 && result.text == "Verified OK\n", "\(result.text)\(result.errors)")
        }
        let edited = try folder.write("e.ds.md", folder.read("1.ds.md") + "more\n")
        #expect(try await Tool.run("bash", [script, pem, edited]).status != 0)
        #expect(try await verdicts(["dossier", "verify", "--any-key", edited]).first?["reason"] == "checksum-mismatch")
    }

    @Test func `an Ed25519 key signs bodies as they are, as long as KMS takes them`() async throws {
        let pem = try await key("ECC_NIST_EDWARDS25519", alias: "d")
        let small = try dossier("small.ds.md", body: "small\n")
        _ = try await succeed(["dossier", "sign", "--key", "alias/d", small])
        #expect(try await verdicts(["dossier", "verify", "--public-key", pem, small]).first?["trust"] == "pinned")
        let large = try dossier("large.ds.md", body: String(repeating: "x", count: 4097))
        let refused = try await run(["dossier", "sign", "--key", "alias/d", large])
        #expect(refused.status == 2 && refused.errors.contains("--minisign"))
    }

    @Test func `a verification is told whose signature counts`() async throws {
        let file = try dossier("a.ds.md", body: "b")
        #expect(try await run(["dossier", "verify", file]).status == 2)
        #expect(try await run(["erst", "verify", file]).status == 2)
    }

    @Test(.enabled(if: DocumentCommandTests.hasMinisign, "minisign is not installed: apt install minisign"))
    func `minisign accepts what an Ed25519 key of the broker signs, and the other way round`() async throws {
        _ = try await key("ECC_NIST_EDWARDS25519", alias: "d")
        let file = try dossier("a.ds.md", body: String(repeating: "long\n", count: 5000))
        let said = try await succeed(["dossier", "sign", "--minisign", "--key", "alias/d", file])
        let key = try #require(said.firstMatch(of: /-P (RW\S{54})/)?.1)
        let accepted = try await Tool.run("minisign", ["-V", "-P", String(key), "-m", file])
        #expect(accepted.status == 0 && accepted.text.contains("file:a.ds.md"), "\(accepted.text)\(accepted.errors)")
        let ours = try folder.write("ours.pub", "untrusted comment: x\n\(key)\n")
        #expect(
            try await verdicts(["dossier", "verify", "--minisign", "--public-key", ours, file]).first?["verdict"]
                == "accepted"
        )
        try folder.write("a.ds.md", folder.read("a.ds.md") + "x")
        #expect(try await Tool.run("minisign", ["-V", "-P", String(key), "-m", file]).status != 0)
        #expect(
            try await verdicts(["dossier", "verify", "--minisign", "--public-key", ours, file]).first?["reason"]
                == "signature-invalid"
        )

        let (pub, secret) = (folder.file("m.pub"), folder.file("m.key"))
        try await Tool.succeed("minisign", ["-G", "-W", "-p", pub, "-s", secret])
        for arguments in [["-S"], ["-S", "-l"]] {
            try await Tool.succeed("minisign", arguments + ["-s", secret, "-m", file, "-t", "trusted"])
            let verdict = try await verdicts(["dossier", "verify", "--minisign", "--public-key", pub, file]).first
            #expect(verdict?["verdict"] == "accepted" && verdict?["trustedComment"] == "trusted", "\(arguments)")
        }
    }

    // MARK: ERST

    private static let trace = #"{"timestamp": "2026-01-01T00:00:00.000Z", "b": [1e21, 0.10], "a": "é<&>"}"#

    @Test(arguments: ["ECC_NIST_EDWARDS25519", "ECC_NIST_P256", "RSA_2048"], ["erst-v1", "erst-v2"])
    func `a trace is signed and verified, as Node verifies it too`(spec: String, profile: String) async throws {
        let pem = try await key(spec, alias: "e")
        let environment = [
            "ERST_KMS_KEY_ID": "alias/e", "ERST_KMS_REGION": "us-east-1",
            "ERST_KMS_PUBLIC_KEY_PEM": folder.read("e.pem"),
        ]
        let bundle = try await succeed(
            ["erst", "sign", "--profile", profile],
            environment: environment,
            input: Self.trace
        )
        let file = try folder.write("bundle.json", bundle)
        let verdict = try await verdicts(["erst", "verify", "--public-key", pem, file]).first
        #expect(verdict?["verdict"] == "accepted" && verdict?["version"]?.string == profile)
        #expect(try JSON.parse(Array(bundle.utf8)).object?["hardware_attestation"] == Optional<JSON>.none)
        guard Tool.isInstalled("node") else { return }
        let script = """
            const b = JSON.parse(require('fs').readFileSync(0)), c = require('crypto'),
              s = v => v === null || typeof v !== 'object' ? JSON.stringify(v) : Array.isArray(v) ? '[' + v.map(s) + ']'
                : '{' + Object.keys(v).sort().map(k => JSON.stringify(k) + ':' + s(v[k])) + '}',
              h = c.createHash('sha256').update(s('\(profile)' === 'erst-v1' ? b.trace : {trace: b.trace})).digest('hex');
            process.exit(h === b.hash && c.verify(null, Buffer.from(b.hash), b.publicKey, Buffer.from(b.signature, 'hex')) ? 0 : 1)
            """
        #expect(try await Tool.run("node", ["-e", script], input: Array(bundle.utf8)).status == 0)
    }

    @Test func `a public key in the environment has to be the key that signs`() async throws {
        _ = try await key("ECC_NIST_EDWARDS25519", alias: "e")
        _ = try await key("ECC_NIST_EDWARDS25519", alias: "other")
        let result = try await run(
            ["erst", "sign", "--key", "alias/e"],
            environment: ["ERST_KMS_PUBLIC_KEY_PEM": folder.read("other.pem")],
            input: Self.trace
        )
        #expect(result.status == 1 && result.output.isEmpty && result.errors.contains("ERST_KMS_PUBLIC_KEY_PEM"))
        let missing = try await run(["erst", "sign"], input: Self.trace)
        #expect(missing.status == 2 && missing.errors.contains("ERST_KMS_KEY_ID is not set"))
    }

    @Test func `Go's logs are signed and verified`() async throws {
        let pem = try await key("ECC_NIST_EDWARDS25519", alias: "e")
        let log = try await succeed(
            ["erst", "sign", "--key", "alias/e", "--profile", "erst-go", "--transaction-hash", "ab"],
            input: #"{"logs": [], "events": ["<e>"], "envelope_xdr": "A", "result_meta_xdr": "B"}"#
        )
        let file = try folder.write("log.json", log)
        #expect(try await verdicts(["erst", "verify", "--public-key", pem, file]).first?["version"] == "erst-go")
    }
}
