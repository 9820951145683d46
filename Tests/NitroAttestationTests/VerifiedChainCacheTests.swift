// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NitroAttestation
import TestSupport
import Testing

/// A cache saves work and changes no verdict.
struct VerifiedChainCacheTests {
    private let cache = VerifiedChainCache()

    private func verify(
        _ document: [UInt8],
        _ roots: TrustAnchors,
        at time: Timestamp = Authority.begin,
        cache: VerifiedChainCache? = nil
    ) throws -> Rejection.Reason? {
        try AttestationVerifier(policy: VerificationPolicy(roots: roots), cache: cache ?? self.cache)
            .verify(document, at: time).reason
    }

    // MARK: What it saves

    @Test func `an accepted chain is remembered with all its beginnings`() throws {
        let root = try Authority.root()
        let module = try root.issue("regional").issue("instance").module()
        #expect(try verify(module.document(), root.anchors) == nil)
        #expect(cache.count == 3)
        #expect(cache.rememberedCount(of: module.chain) == 4)
        #expect(cache.rememberedCount(of: Array(module.chain.prefix(3))) == 3)
        #expect(cache.rememberedCount(of: Array(module.chain.prefix(2))) == 2)
        #expect(cache.rememberedCount(of: Array(module.chain.prefix(1))) == 0)
        #expect(try verify(module.document(), root.anchors) == nil)
        #expect(cache.count == 3)
    }

    @Test func `another module under known authorities adds one entry`() throws {
        let root = try Authority.root()
        let instance = try root.issue("regional").issue("instance")
        #expect(try verify(instance.module("one").document(), root.anchors) == nil)
        let other = try instance.module("two")
        #expect(cache.rememberedCount(of: other.chain) == 3)
        #expect(try verify(other.document(), root.anchors) == nil)
        #expect(cache.count == 4)
        #expect(cache.rememberedCount(of: other.chain) == 4)
    }

    // MARK: What it may not save

    @Test func `an authority that has expired is refused although its chain is known`() throws {
        let root = try Authority.root()
        let module = try root.issue("regional", hours: 1).issue("instance").module()
        let document = try module.document()
        #expect(try verify(document, root.anchors) == nil)
        #expect(cache.rememberedCount(of: module.chain) == 4)
        let end = Authority.begin.advanced(byMilliseconds: Authority.hour)
        #expect(try verify(document, root.anchors, at: end) == nil)
        #expect(try verify(document, root.anchors, at: end.advanced(byMilliseconds: 1)) == .certificateExpired)
    }

    @Test func `a chain that is not valid yet is refused although it is known`() throws {
        let root = try Authority.root()
        let document = try root.issue("instance").module().document()
        #expect(try verify(document, root.anchors) == nil)
        var policy = VerificationPolicy(roots: root.anchors)
        policy.clockLeeway = 0
        let early = Authority.begin.advanced(byMilliseconds: -1)
        let verifier = try AttestationVerifier(policy: policy, cache: cache)
        #expect(verifier.verify(document, at: early).reason == .documentFromFuture)
    }

    @Test func `a certificate that another key signed is refused behind known authorities`() throws {
        let root = try Authority.root()
        let instance = try root.issue("instance")
        let module = try instance.module()
        #expect(try verify(module.document(), root.anchors) == nil)
        let impostor = Authority(name: "instance", key: try .generate(.ec(.p384)), chain: instance.chain)
        let forged = try impostor.module(key: module.key)
        #expect(cache.rememberedCount(of: forged.chain) == 2)
        #expect(try verify(forged.document(), root.anchors) == .wrongCertificateSignature)
    }

    @Test func `a document that another key signed is refused under a known certificate`() throws {
        let root = try Authority.root()
        let module = try root.issue("instance").module()
        #expect(try verify(module.document(), root.anchors) == nil)
        let thief = Authority(name: "module", key: try .generate(.ec(.p384)), chain: module.chain)
        #expect(try verify(thief.document(), root.anchors) == .wrongDocumentSignature)
    }

    @Test func `known authorities are unknown behind another root`() throws {
        let root = try Authority.root()
        let module = try root.issue("instance").module()
        #expect(try verify(module.document(), root.anchors) == nil)
        // Trusted too, and of the same name, but it issued nothing.
        let other = try Authority.root()
        let moved = module.behind([other.der] + module.chain.dropFirst().dropLast())
        #expect(cache.rememberedCount(of: moved.chain) == 0)
        let both = TrustAnchors([root.anchors, other.anchors])
        #expect(try verify(moved.document(), both) == .wrongCertificateSignature)
    }

    @Test func `a known chain is refused by a verifier that does not trust its root`() throws {
        let root = try Authority.root()
        let document = try root.issue("instance").module().document()
        #expect(try verify(document, root.anchors) == nil)
        #expect(try verify(document, Authority.root().anchors) == .untrustedRoot)
    }

    @Test func `path lengths of known authorities hold for what follows them`() throws {
        let root = try Authority.root()
        let instance = try root.issue("instance", pathLength: 0)
        #expect(try verify(instance.module().document(), root.anchors) == nil)
        let longer = try instance.issue("beyond").module()
        #expect(cache.rememberedCount(of: longer.chain) == 2)
        #expect(try verify(longer.document(), root.anchors) == .pathTooLong)
    }

    @Test func `a known authority signs no documents`() throws {
        let root = try Authority.root()
        let instance = try root.issue("instance")
        #expect(try verify(instance.module().document(), root.anchors) == nil)
        #expect(cache.rememberedCount(of: instance.chain) == 2)
        #expect(try verify(instance.document(), root.anchors) == .leafIsCA)
    }

    @Test func `a known certificate may not stand twice`() throws {
        let root = try Authority.root()
        let instance = try root.issue("instance")
        let module = try instance.module()
        #expect(try verify(module.document(), root.anchors) == nil)
        let repeated = module.behind(instance.chain + [instance.der])
        #expect(try verify(repeated.document(), root.anchors) == .duplicateCertificate)
    }

    // MARK: Twins

    @Test func `a certificate with the other valid signature is verified for itself`() throws {
        let root = try Authority.root()
        let module = try root.issue("instance").module()
        let twin = try module.twin()
        #expect(twin.der != module.der)
        #expect(try verify(module.document(), root.anchors) == nil)
        #expect(cache.rememberedCount(of: twin.chain) == 2)
        #expect(try verify(twin.document(), root.anchors) == nil)
        #expect(cache.rememberedCount(of: twin.chain) == 3)
        #expect(cache.rememberedCount(of: module.chain) == 3)
    }

    @Test func `a damaged signature is refused beside the known certificate, and displaces nothing`() throws {
        let root = try Authority.root()
        let instance = try root.issue("instance")
        let module = try instance.module()
        #expect(try verify(module.document(), root.anchors) == nil)
        #expect(try verify(module.damaged().document(), root.anchors) == .wrongCertificateSignature)
        let below = module.behind([root.der, try instance.damaged().der])
        #expect(try verify(below.document(), root.anchors) == .wrongCertificateSignature)
        #expect(cache.count == 2)
        #expect(cache.rememberedCount(of: module.chain) == 3)
    }

    // MARK: Only what was accepted

    @Test func `nothing of a refused document is remembered`() throws {
        for entry in FixtureManifest.shared.fixtures where entry.expected.verdict == "rejected" {
            let cache = VerifiedChainCache()
            #expect(try entry.verdict(cache: cache).reason?.rawValue == entry.expected.reason)
            #expect(cache.count == 0, "\(entry.id)")
        }
    }

    // MARK: Bounds

    @Test func `beyond its capacity the entry that was not used for longest goes`() throws {
        let cache = VerifiedChainCache(capacity: 3)
        let root = try Authority.root()
        let instance = try root.issue("instance")
        let modules = try (0..<3).map { try instance.module("module \($0)") }
        for module in [modules[0], modules[1], modules[0], modules[2]] {
            #expect(try verify(module.document(), root.anchors, cache: cache) == nil)
            #expect(cache.count <= 3)
        }
        // The authority is used with every module; of the modules the first was used after the second.
        #expect(cache.rememberedCount(of: instance.chain) == 2)
        #expect(modules.map { cache.rememberedCount(of: $0.chain) } == [3, 2, 3])
    }

    @Test(arguments: [0, -1, Int.min])
    func `a cache without capacity remembers nothing`(_ capacity: Int) throws {
        let cache = VerifiedChainCache(capacity: capacity)
        let root = try Authority.root()
        let document = try root.issue("instance").module().document()
        for _ in 0..<2 {
            #expect(try verify(document, root.anchors, cache: cache) == nil)
            #expect(cache.count == 0)
        }
    }

    // MARK: The same verdicts

    @Test(arguments: [VerifiedChainCache.defaultCapacity, 3, 0])
    func `every fixture has its verdict in any order, with one cache for all`(_ capacity: Int) throws {
        let cache = VerifiedChainCache(capacity: capacity)
        var random = SplitMix64(seed: UInt64(capacity))
        let twice = FixtureManifest.shared.fixtures + FixtureManifest.shared.fixtures
        for entry in twice.shuffled(using: &random) {
            let (warm, cold) = (try entry.verdict(cache: cache), try entry.verdict())
            #expect(warm == cold, "\(entry.id)")
            #expect(cache.count <= capacity)
        }
        #expect((cache.count > 0) == (capacity > 0))
    }

    @Test func `threads that share a cache get the verdicts of one`() async throws {
        let cache = VerifiedChainCache(capacity: 4)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 0..<4 as Range<UInt64> {
                group.addTask {
                    var random = SplitMix64(seed: seed)
                    for entry in FixtureManifest.shared.fixtures.shuffled(using: &random) {
                        let verdict = try entry.verdict(cache: cache)
                        #expect(verdict.reason?.rawValue == entry.expected.reason)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(cache.count == 4)
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `every recorded document has its verdict in any order, with one cache for all`() throws {
        let cold = try awsVerifier()
        let warm = try AttestationVerifier(policy: cold.policy, cache: VerifiedChainCache())
        let documents = RecordedDocuments.manifest.real + RecordedDocuments.manifest.not_real
        var inputs = try documents.map { (try $0.bytes, Timestamp(milliseconds: $0.timestamp_ms)) }
        inputs += try RecordedDocuments.variants.map { (try $0.bytes, Timestamp(seconds: 1_700_000_000)) }
        var random = SplitMix64(seed: 1)
        for (bytes, time) in (inputs + inputs).shuffled(using: &random) {
            #expect(warm.verifyAtDocumentTime(bytes) == cold.verifyAtDocumentTime(bytes))
            #expect(warm.verify(bytes, at: time) == cold.verify(bytes, at: time))
            // A day later the certificate has expired, and years later its authorities have.
            for days: Int64 in [1, 2000] {
                let later = time.advanced(byMilliseconds: days * 86_400_000)
                #expect(warm.verify(bytes, at: later) == cold.verify(bytes, at: later))
            }
        }
    }
}

/// The same verdict: for a rejection reason and detail, for an acceptance everything.
private func == (a: Verdict, b: Verdict) -> Bool {
    switch (a, b) {
    case (.accepted(let a), .accepted(let b)):
        a.document == b.document && a.identity == b.identity && a.time == b.time
    case (.rejected(let a), .rejected(let b)):
        a.reason == b.reason && a.detail == b.detail
    default:
        false
    }
}
