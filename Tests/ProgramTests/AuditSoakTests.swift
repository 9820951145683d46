// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// A long chain in a small memory, every event signed by one of two keys in turns. `make soak` verifies a million events, `make test`
/// a few thousand.
struct AuditSoakTests {
    private static let count = ProcessInfo.processInfo.environment["KEYBROKER_EVENTS"].flatMap(Int.init) ?? 4000
    /// What a verification may take, however long the chain is.
    private static let memory = 192 << 10

    @Test func `memory does not grow with the chain`() async throws {
        let folder = try TemporaryDirectory()
        let keys = [try PrivateKey.generate(.ed25519), try PrivateKey.generate(.ec(.p256))]
        let chain = folder.file("chain.jsonl")
        let written = try ContinuousClock().measure { try Self.write(chain, keys) }
        let registry: JSON = ["k0": .string(keys[0].publicKey.pem), "k1": .string(keys[1].publicKey.pem)]
        let signers = try folder.write("signers.json", String(decoding: registry.serialized(), as: UTF8.self))
        let start = ContinuousClock.now
        let process = try Programs.start(
            [
                "keybroker", "audit", "verify", "--profile", "jcs", "-s", signers, "--expect-count", "\(Self.count)",
                chain,
            ],
            log: folder.file("log")
        )
        var peak = 0
        while process.isRunning {
            peak = max(peak, Self.peakMemory(process.processIdentifier) ?? 0)
            try await Task.sleep(for: .milliseconds(20))
        }
        let seconds = ContinuousClock.now - start
        #expect(process.terminationStatus == 0, "\(folder.read("log"))")
        #expect(folder.read("log").contains("accepted: \(Self.count) events"))
        #expect(folder.read("log").contains("signatures: \(Self.count) valid"))
        #expect(peak < Self.memory, "\(peak) KiB")
        let rate = Int(Double(Self.count) / (seconds / .seconds(1)))
        print(
            "audit verify: \(Self.count) events in \(seconds), \(rate) a second, peak \(peak) KiB; written in \(written)"
        )
    }

    private static func write(_ path: String, _ keys: [PrivateKey]) throws {
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        var heads: [String: Digest256] = [:]
        var lines: [UInt8] = []
        for index in 0..<count {
            let event: JSON = [
                "actor_id": "agent-7", "event_type": "allocation",
                "payload": [
                    "n": .number(JSONNumber(Int64(index))), "resource": "gpu", "share": .number(JSONNumber(0.25)),
                ],
            ]
            let place = index % keys.count
            var writer = RecordWriter(.jcs, signer: "k\(place)", heads: heads)
            let draft = try writer.next(
                try AuditRecord(event, source: "e"),
                id: "\(index)",
                now: Timestamp(milliseconds: 1_767_225_600_000 + Int64(index))
            )
            heads = ["": draft.digest]
            let digest = draft.digest.bytes
            let signature =
                place == 0
                ? try keys[0].sign(message: digest, scheme: .ed25519)
                : try keys[1].sign(digest: digest, scheme: .ecdsa(.sha256))
            let record = draft.signed(signature)
            lines += JSON.object(record).serialized() + [0x0A]
            if lines.count > 1 << 20 || index == count - 1 {
                try file.write(contentsOf: Data(lines))
                lines = []
            }
        }
        try file.close()
    }

    /// KiB, as Linux counts them (proc(5), VmHWM).
    private static func peakMemory(_ process: Int32) -> Int? {
        let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
}
