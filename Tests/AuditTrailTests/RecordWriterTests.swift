// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Testing

struct RecordWriterTests {
    private static let now = Timestamp(seconds: 1_767_225_600)

    private static func event(_ text: String) throws -> AuditRecord { try AuditRecord(Array(text.utf8), source: "e") }

    /// Records of these events, signed.
    private static func chain(_ profile: ChainProfile, _ key: PrivateKey, _ events: [String]) throws -> [JSONObject] {
        var writer = RecordWriter(profile, signer: "k1")
        return try events.enumerated().map { index, text in
            let draft = try writer.next(try event(text), id: "id-\(index)", now: now)
            return draft.signed(try key.sign(message: draft.digest.bytes, scheme: .ed25519))
        }
    }

    private static let events = [
        #"{"payload": {"n": 1}, "event_type": "a", "actor_id": "x", "metadata": {"m": 1}}"#,
        #"{"payload": {"n": 2}, "eventType": "b", "actorId": "y", "id": "own", "ts": "2026-02-03T04:05:06.007Z"}"#,
        #"{"payload": [3.0, "é"], "event_type": "c", "actor_id": "x"}"#,
    ]

    @Test(arguments: ChainProfile.allCases)
    func `what is written verifies`(profile: ChainProfile) throws {
        let key = try PrivateKey.generate(.ed25519)
        var registry = SignerRegistry()
        registry.put(Signer(id: "k1", key: key.publicKey))
        let report = verify(try Self.chain(profile, key, Self.events), profile, registry)
        #expect(report.codes == [] && report.signatures == 3)
        #expect(report.chains == (profile == .illuvrseC ? 2 : 1))
    }

    @Test(arguments: [
        (
            ChainProfile.illuvrseA,
            ["id", "actor_id", "event_type", "payload", "signer_kid", "prev_hash", "created_at", "signature"]
        ),
        (
            .illuvrseC,
            ["id", "actor_id", "event_type", "payload", "signer_kid", "prev_hash", "created_at", "hash", "signature"]
        ),
        (.illuvrseB, ["id", "eventType", "payload", "prevHash", "signerId", "ts", "metadata", "hash", "signature"]),
        // prevHash is left out of the first.
        (.illuvrseGo, ["id", "eventType", "payload", "signerId", "ts", "metadata", "hash", "signature"]),
        (
            .jcs,
            [
                "payload", "event_type", "actor_id", "metadata", "id", "created_at", "signer_kid", "prev_hash", "hash",
                "signature",
            ]
        ),
    ])
    func `a record has the members of its system's`(profile: ChainProfile, names: [String]) throws {
        let record = try Self.chain(profile, try PrivateKey.generate(.ed25519), Self.events)[0]
        #expect(record.members.map(\.name) == names)
        #expect((record["created_at"] ?? record["ts"]) == "2026-01-01T00:00:00.000Z")
        #expect(record["id"] == "id-0")
    }

    @Test func `what an event has of its own stays`() throws {
        let record = try Self.chain(.illuvrseGo, try PrivateKey.generate(.ed25519), Self.events)[1]
        #expect(record["id"] == "own" && record["ts"] == "2026-02-03T04:05:06.007Z" && record["eventType"] == "b")
    }

    @Test func `what the profile has to have is demanded`() throws {
        let key = try PrivateKey.generate(.ed25519)
        #expect(throws: AuditTrailError.self) { try Self.chain(.illuvrseA, key, [#"{"payload": 1}"#]) }
        #expect(throws: AuditTrailError.self) {
            try Self.chain(.illuvrseC, key, [#"{"payload": 1, "event_type": "t"}"#])
        }
        #expect(throws: AuditTrailError.self) {
            try Self.chain(.illuvrseA, key, [#"{"payload": 9007199254740993, "event_type": "t"}"#])
        }
        #expect(try Self.chain(.jcs, key, [#"{"payload": 1}"#]).count == 1)
    }

    @Test func `it goes on from where a chain ends`() throws {
        var writer = RecordWriter(.illuvrseA, signer: "k", heads: ["": .zero])
        let draft = try writer.next(try Self.event(Self.events[0]), id: "i", now: Self.now)
        #expect(
            draft.signed([]).members.first { $0.name == "prev_hash" }?.value
                == .string(String(repeating: "0", count: 64))
        )
    }
}
