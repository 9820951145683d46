// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// ILLUVRSE's own records: the genuine ones verify, under their profile and no other.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct ILLUVRSETests {
    private static func json(_ path: String) throws -> JSON {
        try JSON.parse(try SharedData.bytes("systems/illuvrse/\(path)"))
    }

    private static func archive() throws -> [JSONObject] {
        try ["c0cc66a9-dcb0-40c8-b927-d58508989d02", "656a2be7-a67e-473f-9d3e-2bd6650c398e"].map {
            try #require(try json("archive_go_filestore/audit_\($0).json").object)
        }
    }

    /// A chain that agent-manager's own code signed, and its registry.
    private static func generated(_ algorithm: String) throws -> (events: [JSONObject], registry: SignerRegistry) {
        let file = try json("generated_chains/chain_\(algorithm).json")
        let signers = try #require(file.object?["signers"])
        return (
            try #require(file.object?["events"]?.array).compactMap(\.object),
            try SignerRegistry(json: signers.serialized())
        )
    }

    @Test func `the Go kernel's archive has the hashes and the head that it claims`() throws {
        let report = verify(try Self.archive(), .illuvrseGo, nil)
        #expect(report.codes == [])
        let head = try SharedData.bytes("systems/illuvrse/archive_go_filestore/head.hash")
        #expect(report.heads.first?.digest?.hex == String(decoding: head, as: UTF8.self))
    }

    @Test func `the Go kernel's archive is put in order by its links`() throws {
        let records = try Self.archive().reversed().map { try AuditRecord(.object($0), source: "r") }
        #expect(try records.sortedByLinks().map(\.id) == records.reversed().map(\.id))
    }

    @Test func `the TypeScript kernel's dump verifies under formula B and under no other`() throws {
        let events = try #require(try Self.json("audit_dump_ts/audit_dump.json").array).compactMap(\.object)
        #expect(events.count == 3)
        #expect(verify(events, .illuvrseB, nil).codes == [])
        for profile in ChainProfile.allCases where profile != .illuvrseB {
            #expect(verify(events, profile, nil).codes.first == "changed-event@1", "\(profile)")
        }
    }

    // It signs its hash with a time that it does not keep.
    @Test func `the TypeScript kernel's signatures are said to be unverifiable, not valid`() throws {
        let events = try #require(try Self.json("audit_dump_ts/audit_dump.json").array).compactMap(\.object)
        var registry = SignerRegistry()
        registry.put(Signer(id: "kernel-signer-local", key: try PrivateKey.generate(.ed25519).publicKey))
        #expect(Set(verify(events, .illuvrseB, registry).findings.map(\.code)) == [.signatureUnverifiable])
    }

    // HMAC is verified too: the systems' own verifiers advertise it and fail.
    @Test(arguments: ["ed25519", "rsa-sha256", "hmac-sha256"])
    func `the agent manager's chains verify under formula A and under no other`(algorithm: String) throws {
        let (events, registry) = try Self.generated(algorithm)
        let report = verify(events, .illuvrseA, registry)
        #expect(report.codes == [] && report.signatures == 5)
        #expect(report.heads.first?.digest?.hex == "0756a1daa972ff6ec51b3ca1830dacd6923b91a5ea4b803a8140d08a86c865ab")
        for profile in ChainProfile.allCases where profile != .illuvrseA {
            #expect(!verify(events, profile, registry).isAccepted, "\(profile)")
        }
    }

    @Test(arguments: ["ed25519", "rsa-sha256", "hmac-sha256"])
    func `a forged, a dropped and a moved event are found in them`(algorithm: String) throws {
        let (events, registry) = try Self.generated(algorithm)
        var forged = events
        forged[1]["payload"] = ["agent_id": "agent-1", "eval_id": "eval-1", "score": .number(.init(0.99))]
        #expect(verify(forged, .illuvrseA, registry).codes == ["signature-invalid@2"])
        #expect(verify(Array(events.dropFirst()), .illuvrseA, registry).codes == ["dropped-head@1"])
        #expect(verify([0, 2, 1, 3, 4].map { events[$0] }, .illuvrseA, registry).codes == ["reordered-event@2"])
        var expected = ChainVerification.Expectation()
        expected.count = 5
        #expect(
            verify(Array(events.dropLast()), .illuvrseA, registry, expecting: expected).codes == ["count-mismatch@0"]
        )
    }

    // One of their verifiers believes a digest that stands in the row: an old signature then passes for any payload.
    @Test func `a record's own digest is not believed`() throws {
        var (events, registry) = try Self.generated("ed25519")
        for name in ["digest", "_digest_hex", "hash"] {
            var forged = events[0]
            forged["payload"] = ["agent_id": "mallory"]
            forged[name] = events[0]["_digest_hex"]
            #expect(verify([forged], .illuvrseA, registry).codes.contains("signature-invalid@1"), "\(name)")
        }
        events[0]["digest"] = "00"
        #expect(verify(events, .illuvrseA, registry).isAccepted)
    }

    // Signed with PSS: one of their verifiers tries it first. Ours reads it where a registry says so.
    @Test func `PSS counts only where the registry names it`() throws {
        let maker = try ChainMaker(.illuvrseA, .rsa(bits: 2048))
        var chain = try maker.chain(1)
        let digest = try #require(chain[0]["hash"]?.string.flatMap { Digest256(hex: $0) })
        let signature = try maker.key.sign(digest: digest.bytes, scheme: .rsaPSS(.sha256))
        chain[0]["signature"] = .string(Base64.encode(signature))
        #expect(verify(chain, .illuvrseA, maker.registry()).codes == ["signature-invalid@1"])
        var registry = SignerRegistry()
        registry.put(Signer(id: "k1", key: maker.key.publicKey, algorithm: .rsaPSSSHA256))
        #expect(verify(chain, .illuvrseA, registry).codes == [])
    }

    // Its rows come without hash; kernel rows and Go's JSON have it, under other names.
    @Test func `a row reads the same under each of its systems' names`() throws {
        let snake = try AuditRecord(
            [
                "id": "1", "actor_id": "a", "event_type": "t", "payload": [:], "signature": "AA==", "signer_kid": "s",
                "prev_hash": .string(String(repeating: "Ab", count: 32)), "created_at": "2026-01-01T00:00:00Z",
            ],
            source: "e"
        )
        let kernel = try AuditRecord(
            [
                "id": "1", "actorId": "a", "eventType": "t", "payload": [:], "signature": "AA==", "signer_id": "s",
                "prevHash": .string(String(repeating: "aB", count: 32)), "ts": "2026-01-01T00:00:00Z", "metadata": [:],
            ],
            source: "e"
        )
        #expect(snake.previous == kernel.previous && snake.previous != nil)
        #expect(
            [snake.id, snake.actor, snake.type, snake.signer, snake.signature, snake.time]
                == [kernel.id, kernel.actor, kernel.type, kernel.signer, kernel.signature, kernel.time]
        )
    }

    @Test(arguments: [
        ("prev_hash", "00" as JSON), ("prev_hash", 1), ("hash", "gg"), ("signature", 1), ("signer_kid", true),

        ("prevHash", .string(String(repeating: "0", count: 64))), ("signerId", "other"),
    ])
    func `a record with a wrong member, or one under two names, is refused`(name: String, value: JSON) throws {
        var object = JSONObject([
            ("payload", [:]), ("prev_hash", .string(String(repeating: "1", count: 64))), ("signer_kid", "k"),
        ])
        object[name] = value
        #expect { try AuditRecord(.object(object), source: "e") } throws: { error in
            if case AuditTrailError.invalidRecord("e", _) = error { true } else { false }
        }
    }
}

struct RecordOrderTests {
    private func record(_ hash: String, after previous: String? = nil) throws -> AuditRecord {
        var object = JSONObject([("payload", [:]), ("hash", .string(String(repeating: hash, count: 64)))])
        object["prevHash"] = previous.map { .string(String(repeating: $0, count: 64)) }
        return try AuditRecord(.object(object), source: hash)
    }

    @Test func `a chain is put in order, however its records come`() throws {
        let records = [
            try record("3", after: "2"), try record("1"), try record("4", after: "3"), try record("2", after: "1"),
        ]
        #expect(try records.sortedByLinks().map(\.source) == ["1", "2", "3", "4"])
    }

    @Test func `forks, gaps, circles and second beginnings have no order`() throws {
        let first = try record("1")
        let second = try record("2", after: "1")
        for (records, error) in [
            ([first, second, try record("3", after: "1")], AuditTrailError.fork(source: "3")),
            ([first, try record("4", after: "3"), second], .missingPredecessor(source: "4")),
            ([first, try record("5", after: "6"), try record("6", after: "5")], .missingPredecessor(source: "5")),
            ([first, try record("7", after: "7")], .missingPredecessor(source: "7")),
            ([first, try record("2")], .severalFirstEvents(source: "2")),
            ([first, try record("1", after: "2")], .duplicateHash(source: "1")), ([second], .noFirstEvent),
            ([], .noFirstEvent),
        ] {
            #expect(throws: error) { try records.sortedByLinks() }
        }
    }
}
