// SPDX-License-Identifier: Apache-2.0

import Encoding
import NitroAttestation

/// One document to judge, how, and what should come of it.
struct ReplayCase: Sendable {
    enum Expectation: Sendable, Equatable {
        case accepted
        case rejected(reason: String)
    }

    let name: String
    let document: [UInt8]
    let policy: VerificationPolicy
    /// Nil: the document's own time.
    let time: Timestamp?
    let expected: Expectation

    func run(cache: VerifiedChainCache) -> ReplayResult {
        let verdict: Verdict
        do {
            let verifier = try AttestationVerifier(policy: policy, cache: cache)
            verdict = time.map { verifier.verify(document, at: $0) } ?? verifier.verifyAtDocumentTime(document)
        } catch {
            return ReplayResult(name: name, claims: nil, outcome: .rejected(reason: "policy"), expected: expected)
        }
        let outcome: Expectation =
            switch verdict {
            case .accepted: .accepted
            case .rejected(let rejection): .rejected(reason: rejection.reason.rawValue)
            }
        return ReplayResult(
            name: name,
            claims: try? UnverifiedAttestation(parsing: document).claims,
            outcome: outcome,
            expected: expected
        )
    }
}

/// What came of one document.
struct ReplayResult: Sendable {
    let name: String
    /// What the document claims, if it parses.
    let claims: AttestationDocument?
    let outcome: ReplayCase.Expectation
    let expected: ReplayCase.Expectation

    var isAsExpected: Bool { outcome == expected }

    var verdictText: String {
        let verdict: String =
            switch outcome {
            case .accepted: "accepted"
            case .rejected(let reason): "rejected: \(reason)"
            }
        guard !isAsExpected else { return verdict }
        return switch expected {
        case .accepted: verdict
        case .rejected(let reason): "\(verdict) (expected: \(reason))"
        }
    }

    var json: JSON {
        var object = JSONObject([("document", .string(name))])
        switch outcome {
        case .accepted:
            object["verdict"] = "accepted"
            object["reason"] = .null
        case .rejected(let reason):
            object["verdict"] = "rejected"
            object["reason"] = .string(reason)
        }
        object["asExpected"] = .bool(isAsExpected)
        object["timestamp"] = claims.map { .string($0.timestamp.rfc3339) } ?? .null
        object["debug"] = claims.map { .bool($0.isDebugMode) } ?? .null
        object["pcr0"] = claims?.pcrs[0].map { .string(Hex.encode($0)) } ?? .null
        return .object(object)
    }
}
