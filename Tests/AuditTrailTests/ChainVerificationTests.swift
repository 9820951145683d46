// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Testing

struct ChainVerificationTests {
    @Test(arguments: ChainProfile.allCases)
    func `accepts a chain, from its beginning or from a known point`(profile: ChainProfile) throws {
        let maker = try ChainMaker(profile)
        let chain = try maker.chain(6)
        let report = verify(chain, profile, maker.registry())
        #expect(report.codes == [])
        #expect(report.signatures == 6 && report.events == 6 && report.signers == ["k1": 6])
        #expect(report.heads.map(\.digest?.hex) == [chain.last?["hash"]?.string])
        var known = ChainVerification.Expectation()
        known.start = chain[2]["hash"]?.string.flatMap { Digest256(hex: $0) }
        #expect(verify(Array(chain[3...]), profile, maker.registry(), expecting: known).codes == [])
        #expect(verify(Array(chain[3...]), profile, maker.registry()).codes == ["dropped-head@1"])
    }

    @Test(arguments: [KeyAlgorithm.rsa(bits: 2048), .ec(.p256), .ed25519])
    func `takes signatures in base64 and in hex`(algorithm: KeyAlgorithm) throws {
        let maker = try ChainMaker(.illuvrseA, algorithm)
        var chain = try maker.chain(2)
        let bytes = try Base64.decode(try #require(chain[1]["signature"]?.string))
        chain[1]["signature"] = .string(Hex.encode(bytes))
        #expect(verify(chain, .illuvrseA, maker.registry()).codes == [])
    }

    // MARK: One thing wrong

    @Test(arguments: ChainProfile.allCases)
    func `finds a changed payload`(profile: ChainProfile) throws {
        let maker = try ChainMaker(profile)
        var chain = try maker.chain(4)
        chain[1]["payload"] = ["n": 99]
        let code = profile == .illuvrseB ? "signature-unverifiable" : "signature-invalid"
        #expect(verify(chain, profile, maker.registry()).codes == ["changed-event@2", "\(code)@2"])
        #expect(verify(chain, profile, nil).codes == ["changed-event@2"])
    }

    @Test(arguments: ChainProfile.allCases)
    func `finds a missing event, and one missing at either end`(profile: ChainProfile) throws {
        let maker = try ChainMaker(profile)
        let chain = try maker.chain(5)
        #expect(
            verify(chain.enumerated().filter { $0.offset != 2 }.map(\.element), profile, maker.registry()).codes == [
                "missing-event@3"
            ]
        )
        #expect(verify(Array(chain.dropFirst()), profile, maker.registry()).codes == ["dropped-head@1"])
        let short = Array(chain.dropLast())
        let blind = verify(short, profile, maker.registry())
        #expect(blind.isAccepted && !blind.isEndChecked)
        var expected = ChainVerification.Expectation()
        expected.count = 5
        #expect(verify(short, profile, maker.registry(), expecting: expected).codes == ["count-mismatch@0"])
        expected = .init()
        expected.heads = [try #require(chain[4]["hash"]?.string.flatMap { Digest256(hex: $0) })]
        #expect(verify(short, profile, maker.registry(), expecting: expected).codes == ["head-mismatch@0"])
        let whole = verify(chain, profile, maker.registry(), expecting: expected)
        #expect(whole.isAccepted && whole.isEndChecked)
    }

    @Test(arguments: ChainProfile.allCases)
    func `finds events in another order, once for each that was moved`(profile: ChainProfile) throws {
        let maker = try ChainMaker(profile)
        let chain = try maker.chain(6)
        let swapped = [0, 1, 3, 2, 4, 5].map { chain[$0] }
        #expect(verify(swapped, profile, maker.registry()).codes == ["reordered-event@3"])
        let reversed = verify(chain.reversed(), profile, maker.registry())
        #expect(reversed.codes.allSatisfy { $0.hasPrefix("reordered-event") } && !reversed.isAccepted)
    }

    @Test(arguments: ChainProfile.allCases)
    func `finds a duplicate, next to the first or far from it`(profile: ChainProfile) throws {
        let maker = try ChainMaker(profile)
        let chain = try maker.chain(5)
        #expect(verify([0, 1, 1, 2].map { chain[$0] }, profile, maker.registry()).codes == ["duplicate-event@3"])
        #expect(verify([0, 1, 2, 3, 4, 1].map { chain[$0] }, profile, maker.registry()).codes == ["duplicate-event@6"])
        #expect(verify([0, 1, 0].map { chain[$0] }, profile, maker.registry()).codes == ["duplicate-event@3"])
    }

    @Test(arguments: ChainProfile.allCases)
    func `finds a fork and a second beginning, and follows both branches`(profile: ChainProfile) throws {
        let maker = try ChainMaker(profile)
        let chain = try maker.chain(4)
        var fork = chain[2]
        fork["payload"] = ["n": 77]
        fork["created_at"] = "2026-01-02T00:00:00.000Z"
        let digest = try maker.seal(&fork)
        var after = fork
        after["prev_hash"] = .string(digest.hex)
        try maker.seal(&after)
        #expect(verify(chain + [fork, after], profile, maker.registry()).codes == ["forked-chain@5"])
        #expect(
            verify([chain[0], chain[1], fork, chain[2], after, chain[3]], profile, maker.registry()).codes == [
                "forked-chain@4"
            ]
        )
        fork["prev_hash"] = nil
        try maker.seal(&fork)
        #expect(verify(chain + [fork], profile, maker.registry()).codes == ["second-beginning@5"])
    }

    @Test(arguments: [ChainProfile.illuvrseA, .illuvrseC, .illuvrseGo, .jcs])
    func `finds a link that was changed`(profile: ChainProfile) throws {
        let maker = try ChainMaker(profile)
        var chain = try maker.chain(4)
        chain[2]["prev_hash"] = .string(String(repeating: "ab", count: 32))
        #expect(
            verify(chain, profile, maker.registry()).codes
                == ["changed-event@3", "signature-invalid@3", "wrong-link@3"]
        )
    }

    // The published example has 64 zeros where there is no predecessor: they are a link, and another digest.
    @Test func `takes null, empty and absent for the beginning, and zeros for a predecessor`() throws {
        let maker = try ChainMaker(.illuvrseA)
        let first = try maker.chain(1)[0]
        for value in [JSON.null, "", Optional<JSON>.none] {
            var record = first
            record["prev_hash"] = value
            #expect(verify([record], .illuvrseA, maker.registry()).codes == [])
        }
        var zeros = first
        zeros["prev_hash"] = .string(String(repeating: "0", count: 64))
        #expect(verify([zeros], .illuvrseA, maker.registry()).codes.first == "changed-event@1")
        try maker.seal(&zeros)
        #expect(verify([zeros], .illuvrseA, maker.registry()).codes == ["dropped-head@1"])
    }

    @Test func `keeps the chains of actors apart`() throws {
        let maker = try ChainMaker(.illuvrseC)
        let chain = try maker.chain(6) { $0.isMultiple(of: 2) ? "alice" : "bob" }
        let report = verify(chain, .illuvrseC, maker.registry())
        #expect(report.codes == [])
        #expect(
            report.chains == 2 && report.heads.map(\.actor) == ["alice", "bob"] && report.heads.map(\.count) == [3, 3]
        )
        #expect(
            verify(chain.enumerated().filter { $0.offset != 3 }.map(\.element), .illuvrseC, maker.registry()).codes == [
                "missing-event@5"
            ]
        )
        #expect(verify(chain, .illuvrseA, maker.registry()).isAccepted == false)
    }

    // MARK: Signers

    @Test func `refuses unsigned events and unknown signers`() throws {
        let maker = try ChainMaker(.illuvrseA)
        var chain = try maker.chain(3)
        for value in [JSON.null, "", Optional<JSON>.none] {
            chain[1]["signature"] = value
            #expect(verify(chain, .illuvrseA, maker.registry()).codes == ["unsigned-event@2"])
        }
        #expect(
            verify(chain, .illuvrseA, SignerRegistry()).codes == [
                "unknown-signer@1", "unsigned-event@2", "unknown-signer@3",
            ]
        )
    }

    @Test func `refuses another key's signature under the signer's name`() throws {
        let maker = try ChainMaker(.illuvrseA)
        let forger = try ChainMaker(.illuvrseA)
        #expect(verify(try forger.chain(1), .illuvrseA, maker.registry()).codes == ["signature-invalid@1"])
    }

    @Test func `refuses what a revoked key signed, from its revocation on or entirely`() throws {
        let maker = try ChainMaker(.illuvrseA)
        let chain = try maker.chain(3)
        let time = Timestamp(seconds: 1_767_225_660)
        #expect(
            verify(chain, .illuvrseA, maker.registry { $0.revocation = .from(time) }).codes == [
                "signer-revoked@2", "signer-revoked@3",
            ]
        )
        #expect(verify(chain, .illuvrseA, maker.registry { $0.revocation = .entirely }).findingCount == 3)
    }

    @Test func `refuses what is dated outside the key's validity`() throws {
        let maker = try ChainMaker(.illuvrseC)
        var chain = try maker.chain(3)
        let registry = maker.registry {
            $0.notBefore = Timestamp(seconds: 1_767_225_660)
            $0.notAfter = Timestamp(seconds: 1_767_225_720)
        }
        #expect(verify(chain, .illuvrseC, registry).codes == ["signer-not-yet-valid@1", "signer-expired@3"])
        chain[1]["created_at"] = nil
        chain[2] = chain[1]
        try maker.seal(&chain[1])
        #expect(verify(Array(chain[..<2]), .illuvrseC, registry).codes == ["signer-not-yet-valid@1", "time-missing@2"])
    }

    @Test func `refuses signers whose attestation does not count, where one is demanded`() throws {
        let maker = try ChainMaker(.illuvrseA)
        let chain = try maker.chain(1)
        #expect(verify(chain, .illuvrseA, maker.registry(), attested: []).codes == ["signer-not-attested@1"])
        #expect(verify(chain, .illuvrseA, maker.registry(), attested: ["k1"]).codes == [])
    }

    // MARK: What a profile leaves open

    // In formula A every actor and type can be changed unseen: the report has to say so.
    @Test func `says what the profile does not cover`() throws {
        let a = try ChainMaker(.illuvrseA)
        var chain = try a.chain(2)
        chain[0]["actor_id"] = "mallory"
        chain[0]["event_type"] = "harmless"
        let report = verify(chain, .illuvrseA, a.registry())
        #expect(report.isAccepted)
        #expect(report.uncovered == [.actor, .type, .time, .id, .signer])

        for (profile, fields) in [
            (ChainProfile.illuvrseC, ["actor_id", "event_type", "created_at"]),
            (.jcs, ["actor_id", "event_type", "created_at", "id", "signer_kid", "workflow"]),
            (.illuvrseB, ["event_type", "created_at"]),
        ] {
            let maker = try ChainMaker(profile)
            let chain = try maker.chain(2)
            for field in fields {
                var changed = chain
                changed[0][field] = field == "created_at" ? "2026-03-01T00:00:00.000Z" : "mallory"
                #expect(
                    verify(changed, profile, maker.registry()).codes.first == "changed-event@1",
                    "\(profile) \(field)"
                )
            }
        }
    }

    @Test func `covers members that no system knows only in its own profile, and names them elsewhere`() throws {
        let a = try ChainMaker(.illuvrseA)
        var chain = try a.chain(1)
        chain[0]["workflow"] = "w-1"
        let report = verify(chain, .illuvrseA, a.registry())
        #expect(report.others == ["workflow"] && report.uncovered.contains(.other))
    }

    // MARK: Bounds

    @Test func `lists a bounded number of findings and counts all`() throws {
        let maker = try ChainMaker(.illuvrseA)
        let report = verify(try maker.chain(150), .illuvrseA, SignerRegistry())
        #expect(report.findings.count == AuditLimits.findings && report.findingCount == 150)
    }

    @Test func `goes on after an event that it cannot read`() throws {
        let maker = try ChainMaker(.illuvrseA)
        var chain = try maker.chain(4)
        chain[1] = JSONObject([("no", "payload")])
        #expect(verify(chain, .illuvrseA, maker.registry()).codes == ["malformed-event@2"])
        chain[1] = JSONObject([("payload", try JSON.parse(Array("9007199254740993".utf8)))])
        #expect(verify(chain, .illuvrseA, maker.registry()).codes == ["not-canonical@2"])
    }

    @Test func `finds nothing where there is nothing`() {
        #expect(verify([], .jcs, nil).codes == ["no-events@0"])
    }
}
