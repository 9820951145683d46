// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker audit sign --append`: chains that grow, and what a crash leaves of them.
struct AuditAppendTests {
    let kms: RunningKMS
    var folder: TemporaryDirectory { kms.folder }
    /// Where the chain is.
    var chain: String { folder.file("chain.jsonl") }

    init() async throws {
        kms = try await RunningKMS()
        for arguments in [
            ["key", "create", "--spec", "ECC_NIST_EDWARDS25519", "--alias", "a"],
            ["key", "create", "--spec", "ECC_NIST_EDWARDS25519", "--alias", "b"],
        ] {
            let result = try await run(arguments)
            guard result.status == 0 else { throw Unexpected(result.errors) }
        }
    }

    private func run(_ arguments: [String], input: String = "") async throws -> Tool.Result {
        try await Programs.run(["keybroker"] + arguments, environment: kms.environment, input: Array(input.utf8))
    }

    private static let event = #"{"event_type": "t", "payload": {"n": 1}}"# + "\n"

    private func sign(_ more: [String] = [], key: String = "alias/a", kid: String = "k", events: Int = 1) async throws
        -> Tool.Result
    {
        try await run(
            ["audit", "sign", "--profile", "jcs", "--key", key, "--kid", kid, "--append", chain] + more,
            input: String(repeating: Self.event, count: events)
        )
    }

    private func succeed(_ result: Tool.Result) { #expect(result.status == 0, "\(result.errors)") }

    /// The verdict on the chain, with the keys of both aliases.
    private func verdict() async throws -> JSONObject {
        var registry = JSONObject()
        for (id, alias) in [("k", "a"), ("other", "b")] {
            registry[id] = .string(try await run(["key", "public-key", "alias/\(alias)"]).text)
        }
        let signers = try folder.write(
            "signers.json",
            String(decoding: JSON.object(registry).serialized(), as: UTF8.self)
        )
        let result = try await run(["audit", "verify", "--profile", "jcs", "-s", signers, "--json", chain])
        return try #require(try JSON.parse(result.output).object, "\(result.errors)")
    }

    // MARK: After a crash

    // A writer that is killed while it writes leaves a part of its last record, of any length.
    @Test func `an incomplete record is an error with a way out`() async throws {
        succeed(try await sign(events: 3))
        let whole = try folder.bytes("chain.jsonl")
        let last = try #require(whole.dropLast().lastIndex(of: UInt8(ascii: "\n"))) + 1
        for length in [last + 1, last + 40, (last + whole.count) / 2, whole.count - 2] {
            let torn = Array(whole[..<length])
            try folder.write(torn, as: "chain.jsonl")
            let refused = try await sign()
            #expect(refused.status == 1 && refused.errors.contains("--repair"), "\(refused.errors)")
            #expect(try folder.bytes("chain.jsonl") == torn)
            let repaired = try await sign(["--repair"], events: 2)
            succeed(repaired)
            #expect(repaired.errors.contains("\(length - last + 1) bytes of an incomplete record taken away"))
            let report = try await verdict()
            #expect(report["verdict"] == "accepted" && report["events"] == 4, "\(report)")
        }
        // Without its line's end a record is whole.
        try folder.write(Array(whole.dropLast()), as: "chain.jsonl")
        succeed(try await sign())
        #expect(try await verdict()["events"] == 4)
        // Nothing but a part of the first.
        try folder.write(Array(whole.prefix(9)), as: "chain.jsonl")
        succeed(try await sign(["--repair"]))
        #expect(try await verdict()["events"] == 1)
    }

    @Test func `after kill -9 the next writer goes on`() async throws {
        let events = try folder.write("events.jsonl", String(repeating: Self.event, count: 100_000))
        var before = 0
        for _ in 0..<3 {
            let writer = try Programs.start(
                [
                    "keybroker", "audit", "sign", "--profile", "jcs", "--key", "alias/a", "--kid", "k", "--append",
                    chain, events,
                ],
                environment: kms.environment,
                log: folder.file("log")
            )
            while writer.isRunning, Self.size(chain) <= before { try await Task.sleep(for: .milliseconds(2)) }
            #expect(writer.isRunning, "\(folder.read("log"))")
            kill(writer.processIdentifier, SIGKILL)
            writer.waitUntilExit()
            succeed(try await sign(["--repair"]))
            before = Self.size(chain)
        }
        let report = try await verdict()
        #expect(report["verdict"] == "accepted", "\(report)")
        let lines = folder.read("chain.jsonl").split(separator: "\n").count
        #expect(report["events"] == .number(JSONNumber(Int64(lines))) && lines >= 6)
    }

    private static func size(_ path: String) -> Int {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.intValue ?? 0
    }

    // MARK: Long chains

    @Test func `the end of a long chain is checked, and the rest left to audit verify`() async throws {
        // More than four megabytes, signed by somebody else.
        let other = try PrivateKey.generate(.ed25519)
        var writer = RecordWriter(.jcs, signer: "old")
        var lines: [[UInt8]] = []
        for index in 0..<90 {
            let event: JSON = ["event_type": "t", "payload": .string(String(repeating: "x", count: 50000))]
            let draft = try writer.next(
                try AuditRecord(event, source: "e"),
                id: "\(index)",
                now: Timestamp(seconds: 1_767_225_600)
            )
            let signature = try other.sign(message: draft.digest.bytes, scheme: .ed25519)
            lines.append(JSON.object(draft.signed(signature)).serialized() + [0x0A])
        }
        func write(changed: Int) throws {
            var changedLines = lines
            let text = String(decoding: lines[changed], as: UTF8.self)
            changedLines[changed] = Array(text.replacing("\"t\"", with: "\"u\"").utf8)
            try folder.write(Array(changedLines.joined()), as: "chain.jsonl")
        }
        try write(changed: 1)
        let appended = try await sign()
        succeed(appended)
        let words = try #require(appended.errors.firstMatch(of: /the last ([0-9]+) events were checked/))
        #expect((60..<90).contains(Int(words.1) ?? 0))
        let all = try await run(["audit", "verify", "--profile", "jcs", "--hashes-only", "--json", chain])
        let report = try #require(try JSON.parse(all.output).object, "\(all.errors)")
        #expect(report["reason"] == "changed-event")
        #expect(report["events"] == 91 && report["findings"]?.array?.first?.object?["event"] == 2)
        // Within what is read, by its place in the whole.
        try write(changed: 80)
        let refused = try await sign()
        #expect(refused.status == 1 && refused.errors.contains("event 81: changed-event"), "\(refused.errors)")
    }

    // MARK: Whose end it is

    @Test func `a chain is not gone on with after a record that this signer did not sign`() async throws {
        succeed(try await sign(events: 2))
        let whole = folder.read("chain.jsonl")
        // Another key under this signer's id, as after an alias was moved.
        let moved = try await sign(key: "alias/b")
        #expect(moved.status == 1 && moved.errors.contains("use another --kid"), "\(moved.errors)")
        succeed(try await sign(key: "alias/b", kid: "other"))
        succeed(try await sign())
        #expect(try await verdict()["verdict"] == "accepted")
        // Somebody with the file writes a record of their own, its hash and link right.
        let lines = whole.split(separator: "\n")
        var forged = try #require(try JSON.parse(Array(lines[1].utf8)).object)
        forged["payload"] = ["n": 2]
        let digest = try ChainProfile.jcs.digest(of: try AuditRecord(.object(forged), source: "e"))
        forged["hash"] = .string(digest.hex)
        for signature in [forged["signature"], nil] {
            forged["signature"] = signature
            try folder.write(
                "chain.jsonl",
                lines[0] + "\n" + String(decoding: JSON.object(forged).serialized(), as: UTF8.self) + "\n"
            )
            let refused = try await sign()
            #expect(refused.status == 1 && refused.errors.contains("its last record"), "\(refused.errors)")
        }
    }

    @Test func `the end is held to what is known of it`() async throws {
        succeed(try await sign(events: 2))
        let head = try #require(try await verdict()["heads"]?.array?.first?.object?["digest"]?.string)
        succeed(try await sign(["--expect-head", head]))
        let grown = try await sign(["--expect-head", head])
        #expect(grown.status == 1 && grown.errors.contains("--expect-head"), "\(grown.errors)")
        let signers = folder.file("signers.json")
        succeed(try await sign(["--signers", signers], key: "alias/b", kid: "other"))
        let empty = try folder.write("empty.json", "[]")
        let unknown = try await sign(["--signers", empty])
        #expect(unknown.status == 1 && unknown.errors.contains("no signature that counts"), "\(unknown.errors)")
    }

    // MARK: As events come

    @Test func `events of a pipe are signed as they come`() async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Programs.path("keybroker"))
        process.arguments = ["audit", "sign", "--profile", "jcs", "--key", "alias/a", "--kid", "k", "-o", chain]
        process.environment = ProcessInfo.processInfo.environment.merging(kms.environment) { $1 }
        let input = Pipe()
        process.standardInput = input
        process.standardError = FileHandle.nullDevice
        try process.run()
        for count in 1...3 {
            try input.fileHandleForWriting.write(contentsOf: Data(Self.event.utf8))
            while process.isRunning, folder.read("chain.jsonl").split(separator: "\n").count < count {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(process.isRunning)
        }
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try await verdict()["events"] == 3)
    }
}
