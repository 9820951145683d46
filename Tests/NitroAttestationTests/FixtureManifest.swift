// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import NitroAttestation
import TestSupport
import Testing

/// `attestation-fixtures/manifest.json`, read strictly by a reader of its own: not by what wrote it.
struct FixtureManifest: Decodable {
    let format: Int
    let fixtures: [Entry]

    struct Entry: Decodable, Sendable, CustomTestStringConvertible {
        let id: String
        let file: String
        let sha256: String
        let summary: String
        let expected: Expected
        /// RFC 3339, or `document`.
        let time: String
        /// `aws`, `aws-us-gov`, or a PEM file beside the manifest.
        let roots: [String]
        let policy: Policy
        let provenance: [String: String]

        var testDescription: String { id }
    }

    struct Expected: Decodable, Sendable {
        let verdict: String
        let reason: String?
        let identity: String?
    }

    struct Policy: Decodable, Sendable {
        let pcrs: [String: String]?
        let nonce: String?
        let userData: String?
        let publicKey: String?
        let requiresRSAPublicKey: Bool?
        let maximumAgeMilliseconds: Int64?
        let allowsDebugMode: Bool?
        let clockLeewayMilliseconds: Int64?
    }

    static let folder = SharedData.repository.appendingPathComponent("attestation-fixtures")

    /// Empty if it cannot be read, which a test notices.
    static let shared: FixtureManifest =
        (try? JSONDecoder().decode(
            FixtureManifest.self,
            from: Data(contentsOf: folder.appendingPathComponent("manifest.json"))
        ))
        ?? FixtureManifest(format: 0, fixtures: [])
}

extension FixtureManifest.Entry {
    var bytes: [UInt8] {
        get throws { [UInt8](try Data(contentsOf: FixtureManifest.folder.appendingPathComponent(file))) }
    }

    /// What the library says of it.
    func verdict(
        cache: VerifiedChainCache? = nil,
        _ adjust: (inout VerificationPolicy) -> Void = { _ in }
    ) throws -> Verdict {
        var policy = try verificationPolicy()
        adjust(&policy)
        let verifier = try AttestationVerifier(policy: policy, cache: cache)
        guard time != "document" else { return verifier.verifyAtDocumentTime(try bytes) }
        return verifier.verify(try bytes, at: try #require(Timestamp(rfc3339: time)))
    }

    func verificationPolicy() throws -> VerificationPolicy {
        var result = VerificationPolicy(roots: TrustAnchors(try roots.map(Self.anchors)))
        for (index, value) in policy.pcrs ?? [:] { result.pcrs[try #require(Int(index))] = try Hex.decode(value) }
        result.nonce = try policy.nonce.map { try Hex.decode($0) }
        result.userData = try policy.userData.map { try Hex.decode($0) }
        result.publicKey = try policy.publicKey.map { try Hex.decode($0) }
        result.requiresRSAPublicKey = policy.requiresRSAPublicKey ?? false
        result.maximumAge = policy.maximumAgeMilliseconds
        result.allowsDebugMode = policy.allowsDebugMode ?? false
        if let leeway = policy.clockLeewayMilliseconds { result.clockLeeway = leeway }
        return result
    }

    private static func anchors(_ name: String) throws -> TrustAnchors {
        switch name {
        case "aws": .aws
        case "aws-us-gov": .awsUSGov
        default:
            try TrustAnchors(
                pem: String(contentsOf: FixtureManifest.folder.appendingPathComponent(name), encoding: .utf8)
            )
        }
    }
}
