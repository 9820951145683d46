// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// Faults of the audit systems' programs that the commands do not have. (docs/AUDIT.md lists them all.)
struct SystemFaultTests {
    let kms: RunningKMS
    var folder: TemporaryDirectory { kms.folder }

    init() async throws { kms = try await RunningKMS() }

    private func run(_ arguments: [String], environment: [String: String] = [:], input: String = "") async throws
        -> Tool.Result
    {
        try await Programs.run(
            ["keybroker"] + arguments,
            environment: kms.environment.merging(environment) { $1 },
            input: Array(input.utf8)
        )
    }

    private static let event = #"{"actor_id": "a", "event_type": "t", "payload": {"n": 1}}"#

    /// One of their servers signs with a secret for development while it says that KMS is configured.
    @Test func `the broker's key signs, whatever secrets and local keys lie about`() async throws {
        #expect(try await run(["key", "create", "--spec", "ECC_NIST_EDWARDS25519", "--alias", "a"]).status == 0)
        let pem = try await run(["key", "public-key", "alias/a"]).text
        let local = [
            "DEV_SIGNING_SECRET": "kernel-dev-signing-secret", "AUDIT_SIGNING_PRIVATE_KEY": "secret",
            "AUDIT_SIGNING_KEY_SOURCE": "env", "NODE_ENV": "development", "REQUIRE_KMS": "false",
            "AUDIT_SIGNING_KMS_KEY_ID": "alias/a", "AUDIT_SIGNER_KID": "k",
        ]
        let signed = try await run(["audit", "sign", "--profile", "illuvrse-a"], environment: local, input: Self.event)
        #expect(signed.status == 0, "\(signed.errors)")
        let record = try #require(try JSON.parse(signed.output).object)
        let signature = try Base64.decode(try #require(record["signature"]?.string))
        let digest = Hash.digest(.sha256, Array(#"{"n":1}"#.utf8))
        try folder.write("key.pem", pem)
        try folder.write(digest, as: "digest")
        try folder.write(signature, as: "signature")
        let judged = try await Tool.run(
            "openssl",
            [
                "pkeyutl", "-verify", "-pubin", "-inkey", folder.file("key.pem"), "-rawin", "-in",
                folder.file("digest"),
                "-sigfile", folder.file("signature"),
            ]
        )
        #expect(judged.status == 0, "\(judged.text)\(judged.errors)")
    }

    /// One of their verifiers reports success without a look at the signatures where a library is missing.
    @Test func `signatures are left unchecked where that is asked for, and then the report says so`() async throws {
        let record = #"{"payload": {"n": 1}, "signature": "AAAA", "signer_kid": "k", "prev_hash": null}"#
        let chain = try folder.write("chain.jsonl", record)
        let verify = ["audit", "verify", "--profile", "illuvrse-a", "--json", chain]
        let blind = try await run(verify)
        #expect(blind.status == 2 && blind.output.isEmpty)
        let nobody = try await run(verify + ["-s", try folder.write("none.json", #"{"signers": []}"#)])
        #expect(nobody.status == 1 && nobody.text.contains("unknown-signer"))
        let hashes = try await run(verify + ["--hashes-only"])
        #expect(hashes.status == 0)
        let report = try #require(try JSON.parse(hashes.output).object)
        #expect(report["verdict"] == "accepted" && report["signatures"] == "unchecked", "\(hashes.text)")
    }

    @Test(arguments: [["audit", "sign", "--profile", "jcs"], ["erst", "sign"], ["dossier", "sign", "FILE"]])
    func `an error of KMS begins as theirs do, for every kind of key`(command: [String]) async throws {
        let file = try folder.write("a.ds.md", "---dossier\n{}\n---\nbody\n")
        let arguments = command.map { $0 == "FILE" ? file : $0 } + ["--key", "alias/none"]
        for algorithm in ["", "hmac-sha256"] {
            let result = try await run(arguments, environment: ["AUDIT_SIGNING_ALG": algorithm], input: Self.event)
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(result.errors.hasPrefix("keybroker: kms signing failed: NotFoundException: "), "\(result.errors)")
        }
    }

    @Test func `a MAC key needs no algorithm beside it`() async throws {
        #expect(try await run(["key", "create", "--spec", "HMAC_256", "--alias", "h"]).status == 0)
        let sign = ["audit", "sign", "--profile", "illuvrse-a", "--key", "alias/h"]
        let named = try await run(sign + ["--algorithm", "hmac-sha256"], input: Self.event)
        let chosen = try await run(sign, input: Self.event)
        #expect(named.status == 0 && chosen.status == 0, "\(named.errors)\(chosen.errors)")
        let signatures = try [named, chosen].map { try JSON.parse($0.output).object?["signature"] }
        #expect(signatures[0] == signatures[1] && signatures[0]?.string?.isEmpty == false)
        let wrong = try await run(sign + ["--algorithm", "rsa-sha256"], input: Self.event)
        #expect(wrong.status == 2 && wrong.errors.contains("does not sign with rsa-sha256"), "\(wrong.errors)")
        // Nor is there anything to publish.
        let exported = try await run([
            "audit", "export-signers", "--key", "alias/h", "--pcr", "0=\(String(repeating: "0", count: 96))", "--pcr",
            "16=\(String(repeating: "0", count: 96))",
        ])
        #expect(exported.status == 1 && exported.errors.contains("has no public key"), "\(exported.errors)")
    }
}
