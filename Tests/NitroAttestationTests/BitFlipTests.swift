// SPDX-License-Identifier: Apache-2.0

import Encoding
import NitroAttestation
import TestSupport
import Testing

/// SplitMix64: the same flips in every run.
private struct FixedRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct BitFlipTests {
    /// 2,000 in all, over every document.
    private static let flips = 2000

    @Test(arguments: Array(RecordedDocuments.enclaves.enumerated()).map { ($0.offset, $0.element) })
    func `no document with one bit flipped is accepted`(_ number: Int, _ document: RecordedDocuments.Document) throws {
        let verifier = try awsVerifier()
        // The second verdict is of one that remembers chains, the genuine one among them.
        let remembering = try awsVerifier(cache: VerifiedChainCache())
        let original = try document.bytes
        let time = Timestamp(milliseconds: document.timestamp_ms)
        #expect(verifier.verify(original, at: time).reason == nil)
        #expect(remembering.verify(original, at: time).reason == nil)
        var random = FixedRandom(state: UInt64(number))
        for _ in 0...(Self.flips / RecordedDocuments.enclaves.count) {
            var bytes = original
            let bit = Int.random(in: 0..<bytes.count * 8, using: &random)
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(verifier.verify(bytes, at: time).reason != nil, "bit \(bit) at its own time")
            #expect(remembering.verifyAtDocumentTime(bytes).reason != nil, "bit \(bit) at the stated time")
        }
    }

    @Test func `no truncated document is accepted`() throws {
        let verifier = try awsVerifier()
        let bytes = try SharedData.bytes("attestation/real/20251015-reclaimprotoco-attestorcore-prod-625d11b8.cbor")
        for count in 0..<bytes.count {
            #expect(verifier.verifyAtDocumentTime(Array(bytes.prefix(count))).reason != nil)
        }
    }

    @Test func `random bytes are never accepted and always malformed`() throws {
        let verifier = try awsVerifier()
        var random = FixedRandom(state: 42)
        for _ in 0..<2000 {
            let count = Int.random(in: 0..<300, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let reason = verifier.verifyAtDocumentTime(bytes).reason
            #expect(reason?.rawValue.hasPrefix("malformed-") == true, "\(reason?.rawValue ?? "accepted")")
        }
    }
}
