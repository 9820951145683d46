// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import NitroAttestation
import Testing

/// Replays the fixtures of the repository.
struct FixtureTests {
    private static let fixtures = FixtureManifest.shared.fixtures
    private static let generated = fixtures.filter { $0.provenance["kind"] == "generated" }
    private static let rejected = fixtures.filter { $0.expected.verdict == "rejected" }

    private func fixture(_ id: String) throws -> FixtureManifest.Entry {
        try #require(Self.fixtures.first { $0.id == id })
    }

    // MARK: The manifest

    @Test func `the manifest is of a known form and names each fixture once`() {
        #expect(FixtureManifest.shared.format == 1)
        #expect(Set(Self.fixtures.map(\.id)).count == Self.fixtures.count)
        #expect(Self.fixtures.allSatisfy { ["accepted", "rejected"].contains($0.expected.verdict) })
    }

    @Test func `every reason has a fixture, and every fixture's reason is one`() {
        let shown = Set(Self.generated.compactMap(\.expected.reason))
        #expect(shown == Set(Rejection.Reason.allCases.map(\.rawValue)))
    }

    @Test func `every document in the folders is in the manifest`() throws {
        let listed = Set(Self.fixtures.map(\.file))
        for folder in ["valid", "invalid"] {
            let path = FixtureManifest.folder.appendingPathComponent(folder).path
            for name in try FileManager.default.contentsOfDirectory(atPath: path) {
                #expect(listed.contains("\(folder)/\(name)"))
            }
        }
    }

    // MARK: The verdicts

    @Test(arguments: fixtures)
    func `a fixture gets the verdict of the manifest`(_ fixture: FixtureManifest.Entry) throws {
        #expect(Hex.encode(Hash.digest(.sha256, try fixture.bytes)) == fixture.sha256)
        let verdict = try fixture.verdict()
        #expect((verdict.reason == nil ? "accepted" : "rejected") == fixture.expected.verdict, "\(verdict)")
        #expect(verdict.reason?.rawValue == fixture.expected.reason, "\(verdict)")
        #expect(verdict.accepted?.identity.rawValue == fixture.expected.identity)
    }

    @Test(arguments: generated)
    func `no generated fixture is trusted under a root of AWS`(_ fixture: FixtureManifest.Entry) throws {
        for roots in [TrustAnchors.aws, .awsUSGov] {
            #expect(try fixture.verdict { $0.roots = roots }.reason != nil)
        }
    }

    @Test(arguments: rejected)
    func `a rejection tells its detail in one printable line`(_ fixture: FixtureManifest.Entry) throws {
        guard case .rejected(let rejection) = try fixture.verdict() else { return }
        #expect(!rejection.detail.isEmpty)
        #expect(rejection.detail.unicodeScalars.allSatisfy { (0x20...0x7e).contains($0.value) })
    }

    // MARK: Bounds of time, to the millisecond

    @Test func `notAfter is the last moment of validity`() throws {
        let bytes = try fixture("at-not-after").bytes
        let claims = try UnverifiedAttestation(parsing: bytes).claims
        let leaf = try #require(try claims.certificateSummaries().last)
        var policy = VerificationPolicy(roots: TrustAnchors([try projectRoot()]))
        policy.clockLeeway = 3_600_000
        let verifier = try AttestationVerifier(policy: policy)
        #expect(verifier.verify(bytes, at: leaf.notAfter).reason == nil)
        // The leeway is for clocks that are behind, never for certificates that have ended.
        #expect(verifier.verify(bytes, at: leaf.notAfter.advanced(byMilliseconds: 1)).reason == .certificateExpired)
    }

    @Test func `a certificate begins at notBefore less the leeway`() throws {
        let bytes = try fixture("indefinite-map").bytes
        let claims = try UnverifiedAttestation(parsing: bytes).claims
        let leaf = try #require(try claims.certificateSummaries().last)
        let lead = claims.timestamp.milliseconds - leaf.notBefore.milliseconds
        #expect(lead > 0)
        for leeway: Int64 in [0, 1000, 60_000] {
            var policy = VerificationPolicy(roots: TrustAnchors([try projectRoot()]))
            policy.clockLeeway = leeway
            let verifier = try AttestationVerifier(policy: policy)
            let earliest = claims.timestamp.advanced(byMilliseconds: -leeway)
            #expect(verifier.verify(bytes, at: earliest).reason == nil)
            #expect(
                verifier.verify(bytes, at: earliest.advanced(byMilliseconds: -1)).reason == .documentFromFuture
            )
        }
    }

    @Test(arguments: [Int64.min, 0, Int64.max])
    func `no time makes the verifier trap`(_ milliseconds: Int64) throws {
        let bytes = try fixture("indefinite-map").bytes
        var policy = VerificationPolicy(roots: TrustAnchors([try projectRoot()]))
        for leeway in [0, Int64.max] {
            for age in [nil, 0, Int64.max] {
                policy.clockLeeway = leeway
                policy.maximumAge = age
                let verifier = try AttestationVerifier(policy: policy)
                // With all of time as leeway nothing is from the future, and the chain's begin is forgiven.
                let isForgiven = leeway == Int64.max && milliseconds == 0
                #expect((verifier.verify(bytes, at: Timestamp(milliseconds: milliseconds)).reason == nil) == isForgiven)
            }
        }
    }

    // MARK: Order

    @Test func `of several reasons the first in the order of checks is given`() throws {
        let entry = try fixture("everything-demanded")
        let other = [UInt8](repeating: 7, count: 48)
        let made = try UnverifiedAttestation(parsing: try entry.bytes).claims.timestamp
        // Every demand is wrong; each step puts the first one right.
        typealias Step = (reason: Rejection.Reason, repair: (inout VerificationPolicy, inout Timestamp) -> Void)
        let good = try entry.verificationPolicy()
        let steps: [Step] = [
            (.untrustedRoot, { policy, _ in policy.roots = good.roots }),
            (.documentFromFuture, { _, time in time = made.advanced(byMilliseconds: 86_400_000) }),
            (.documentTooOld, { policy, _ in policy.maximumAge = nil }),
            (.pcrMissing, { policy, _ in policy.pcrs[31] = nil }),
            (.pcrMismatch, { policy, _ in policy.pcrs = good.pcrs }),
            (.nonceMismatch, { policy, _ in policy.nonce = good.nonce }),
            (.userDataMismatch, { policy, _ in policy.userData = good.userData }),
            (.publicKeyMismatch, { policy, _ in policy.publicKey = good.publicKey }),
            (.certificateExpired, { _, time in time = made }),
        ]
        var policy = good
        policy.roots = .aws
        policy.pcrs = [0: other, 31: other]
        policy.nonce = other
        policy.userData = other
        policy.publicKey = other
        policy.maximumAge = 1000
        var time = made.advanced(byMilliseconds: -1)
        var order: [Rejection.Reason] = []
        for step in steps {
            let reason = try AttestationVerifier(policy: policy).verify(try entry.bytes, at: time).reason
            #expect(reason == step.reason)
            order.append(step.reason)
            step.repair(&policy, &time)
        }
        #expect(try AttestationVerifier(policy: policy).verify(try entry.bytes, at: time).reason == nil)
        #expect(order == Rejection.Reason.allCases.filter { order.contains($0) })
    }

    // MARK: What is not the fixtures' root

    @Test func `one anchor of several is enough`() throws {
        let entry = try fixture("indefinite-map")
        #expect(try entry.verdict { $0.roots = TrustAnchors([.aws, $0.roots]) }.reason == nil)
    }

    @Test func `the parse alone gives the verifier's reason`() throws {
        for entry in Self.rejected {
            guard let reason = entry.expected.reason, reason.hasPrefix("malformed-"), reason != "malformed-x509" else {
                continue
            }
            let bytes = try entry.bytes
            #expect(throws: Rejection.self) { try UnverifiedAttestation(parsing: bytes) }
        }
    }

    private func projectRoot() throws -> TrustAnchors {
        try TrustAnchors(
            pem: String(contentsOf: FixtureManifest.folder.appendingPathComponent("mock-pki/root.pem"), encoding: .utf8)
        )
    }
}
