// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker verify` and `keybroker replay`, as a user runs them.
@Suite(.serialized, .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct VerifyCommandTests {
    static let folder = SharedData.root.appendingPathComponent("attestation/real")
    static let production = folder.appendingPathComponent(
        "20260630-tkhq-rustsdk-prod-277e236b.cbor"
    ).path
    static let debug = folder.appendingPathComponent(
        "20260803-worldcoin-worldchain-debug-13a44c64.cbor"
    ).path

    func verify(_ arguments: [String], input: [UInt8] = []) async throws -> Tool.Result {
        try await Programs.run(["keybroker", "verify"] + arguments, input: input)
    }

    func json(_ arguments: [String], input: [UInt8] = []) async throws -> JSONObject {
        let output = try await verify(arguments + ["--json"], input: input).output
        return try #require(try JSON.parse(output).object)
    }

    @Test func `each real enclave's document is accepted at its own time`() async throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
        #expect(files.count == 48)
        for file in files where !file.contains("-tpm-") {
            let path = Self.folder.appendingPathComponent(file).path
            let result = try await verify(
                [path, "--at", "document"] + (file.contains("-debug-") ? ["--allow-debug"] : [])
            )
            #expect(result.status == 0, "\(file): \(result.text)\(result.errors)")
        }
    }

    @Test func `a NitroTPM document is refused for being one`() async throws {
        for file in [
            "20260618-reclaimprotoco-attestorcore-tpm-020ed8bb", "20260619-reclaimprotoco-attestorcore-tpm-09ec0e25",
        ] {
            let report = try await json([Self.folder.appendingPathComponent(file + ".cbor").path, "--at", "document"])
            #expect(report["reason"]?.string == "nitrotpm-document")
        }
    }

    @Test func `an archived document is rejected now`() async throws {
        let result = try await verify([Self.production])
        #expect(result.status == 1)
        #expect(result.text.contains("rejected"))
    }

    @Test func `a debug document is rejected unless it is allowed`() async throws {
        #expect(try await json([Self.debug, "--at", "document"])["reason"]?.string == "debug-mode")
    }

    @Test func `identity is unchecked without a PCR, and checked with one that matches`() async throws {
        let unchecked = try await json([Self.production, "--at", "document"])
        #expect(unchecked["identity"]?.string == "unchecked")
        let pcr0 = try #require(unchecked["document"]?.object?["pcrs"]?.object?["0"]?.string)
        let checked = try await json([Self.production, "--at", "document", "--pcr", "0=\(pcr0)"])
        #expect(checked["verdict"]?.string == "accepted")
        #expect(checked["identity"]?.string == "checked")
    }

    @Test func `a PCR of another value is rejected`() async throws {
        let other = String(repeating: "ab", count: 48)
        let report = try await json([Self.production, "--at", "document", "--pcr", "0=\(other)"])
        #expect(report["verdict"]?.string == "rejected")
        #expect(report["reason"]?.string == "pcr-mismatch")
        #expect(report["identity"]?.string == "unchecked")
    }

    @Test func `base64, hex and standard input mean the same document`() async throws {
        let bytes = try RunningBroker.bytes(Self.production)
        for text in [Base64.encode(bytes), Hex.encode(bytes) + "\n"] {
            let report = try await json(["-", "--at", "document"], input: Array(text.utf8))
            #expect(report["verdict"]?.string == "accepted")
        }
        #expect(try await json(["-", "--at", "document"], input: bytes)["verdict"]?.string == "accepted")
    }

    @Test func `bytes that are no document are rejected as malformed`() async throws {
        let report = try await json(["-", "--at", "document"], input: Array("not a document, clearly".utf8) + [0xFF])
        #expect(report["reason"]?.string?.hasPrefix("malformed-") == true)
        #expect(report["document"] == .null)
    }

    @Test(arguments: [
        "2025-12-08 00:00:00 INFO attestation verified: true\n", #"{"status": "ok", "attestation": "verified"}"#,
    ])
    func `a line of a log that says that all is well is no document`(line: String) async throws {
        let report = try await json(["-", "--at", "document"], input: Array(line.utf8))
        #expect(report["verdict"]?.string == "rejected")
        #expect(report["reason"]?.string?.hasPrefix("malformed-") == true)
    }

    @Test(arguments: [
        ["/nonexistent"], ["--pcr", "0=00", "/dev/null"], ["--at", "yesterday", "/dev/null"],
        ["--root", "/nonexistent", "/dev/null"],
        [],
    ])
    func `usage and unreadable files exit with 2 and say why`(arguments: [String]) async throws {
        let result = try await verify(arguments)
        #expect(result.status == 2)
        #expect(!result.errors.isEmpty)
    }

    @Test func `text that is neither base64 nor hex exits with 2`() async throws {
        #expect(try await verify(["-"], input: Array("abc".utf8)).status == 2)
    }

    @Test func `replay verifies a folder of documents, each at its own time`() async throws {
        let result = try await Programs.run(["keybroker", "replay", Self.folder.path, "--allow-debug", "--json"])
        // The two NitroTPM documents are not accepted, and a folder without a manifest expects that they are.
        #expect(result.status == 1)
        let results = try #require(try JSON.parse(result.output).object?["results"]?.array)
        #expect(results.count == 48)
        #expect(results.count { $0.object?["verdict"]?.string == "accepted" } == 46)
    }

    @Test func `replay of the project's own fixtures gives the verdicts of their manifest`() async throws {
        let fixtures = SharedData.repository.appendingPathComponent("attestation-fixtures").path
        let result = try await Programs.run(["keybroker", "replay", fixtures])
        #expect(result.status == 0, "\(result.text)\(result.errors)")
    }
}
