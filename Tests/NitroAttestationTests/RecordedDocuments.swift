// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import NitroAttestation
import TestSupport
import Testing

/// The manifests of the recorded documents, as far as tests read them.
enum RecordedDocuments {
    struct Manifest: Decodable {
        let real: [Document]
        let not_real: [Document]
    }

    struct Document: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let file: String
        let kind: String
        let module_id: String
        let timestamp_ms: Int64
        let debug: Bool?
        let pcrs: [String: String]?
        let pcr_count: Int?
        let payload_size: Int

        var testDescription: String { name }
        var bytes: [UInt8] { get throws { try SharedData.bytes("attestation/" + file) } }
        var isNitroTPM: Bool { kind != "enclave" }
    }

    struct Variants: Decodable {
        let variants: [Variant]
    }

    struct Variant: Decodable, Sendable, CustomTestStringConvertible {
        let file: String
        let expect: String

        var testDescription: String { file }
        var bytes: [UInt8] { get throws { try SharedData.bytes("attestation/variants/" + file) } }
    }

    /// Empty where the data are missing: the tests are disabled then.
    static let manifest: Manifest =
        decoded("attestation/manifest.json") ?? Manifest(real: [], not_real: [])
    static let variants: [Variant] = (decoded("attestation/variants/manifest.json") as Variants?)?.variants ?? []

    static var enclaves: [Document] { manifest.real.filter { !$0.isNitroTPM } }
    static var nitroTPMs: [Document] { manifest.real.filter(\.isNitroTPM) }

    private static func decoded<T: Decodable>(_ path: String) -> T? {
        guard let bytes = try? SharedData.bytes(path) else { return nil }
        return try? JSONDecoder().decode(T.self, from: Data(bytes))
    }
}

extension Verdict {
    /// Nil if accepted.
    var reason: Rejection.Reason? {
        if case .rejected(let rejection) = self { rejection.reason } else { nil }
    }

    var accepted: VerifiedAttestation? {
        if case .accepted(let attestation) = self { attestation } else { nil }
    }
}

/// A verifier under AWS's commercial root that lets debug mode pass.
func awsVerifier(
    cache: VerifiedChainCache? = nil,
    _ adjust: (inout VerificationPolicy) -> Void = { _ in }
) throws -> AttestationVerifier {
    var policy = VerificationPolicy(roots: .aws)
    policy.allowsDebugMode = true
    adjust(&policy)
    return try AttestationVerifier(policy: policy, cache: cache)
}
