// SPDX-License-Identifier: Apache-2.0

import Encoding
import NitroAttestation

/// One entry of the manifest.
struct Fixture {
    enum Expectation: Hashable {
        case accepted
        case rejected(Rejection.Reason)
    }

    /// Unique, kebab-case; the name of the file where no earlier fixture has the same bytes.
    var id: String
    /// One sentence: what is special about it, and for a rejected one the only thing that is wrong.
    var summary: String
    var expected: Expectation
    var bytes: [UInt8]
    /// Nil: at the document's own time.
    var time: Timestamp? = TestChain.documentTime
    var policy = Policy()

    /// What the relying party demands, apart from its roots: the defaults of `VerificationPolicy` where not set.
    struct Policy: Equatable {
        var pcrs: [Int: [UInt8]] = [:]
        var nonce: [UInt8]?
        var userData: [UInt8]?
        var publicKey: [UInt8]?
        var requiresRSAPublicKey = false
        var maximumAge: Int64?
        var allowsDebugMode = false
        var clockLeeway: Int64?
    }

    var path: String { (expected == .accepted ? "valid/" : "invalid/") + id + ".cbor" }
}

extension Fixture.Policy {
    /// Only what differs from the default.
    var json: JSON {
        var members: [(String, JSON)] = []
        if !pcrs.isEmpty {
            let values = pcrs.sorted { $0.key < $1.key }.map { (String($0.key), JSON.string(Hex.encode($0.value))) }
            members.append(("pcrs", .object(JSONObject(values))))
        }
        for (name, bytes) in [("nonce", nonce), ("userData", userData), ("publicKey", publicKey)] {
            if let bytes { members.append((name, .string(Hex.encode(bytes)))) }
        }
        if requiresRSAPublicKey { members.append(("requiresRSAPublicKey", true)) }
        if let maximumAge { members.append(("maximumAgeMilliseconds", .number(JSONNumber(maximumAge)))) }
        if allowsDebugMode { members.append(("allowsDebugMode", true)) }
        if let clockLeeway { members.append(("clockLeewayMilliseconds", .number(JSONNumber(clockLeeway)))) }
        return .object(JSONObject(members))
    }

    /// The same as the library has it.
    func verificationPolicy(roots: TrustAnchors) -> VerificationPolicy {
        var policy = VerificationPolicy(roots: roots)
        policy.pcrs = pcrs
        policy.nonce = nonce
        policy.userData = userData
        policy.publicKey = publicKey
        policy.requiresRSAPublicKey = requiresRSAPublicKey
        policy.maximumAge = maximumAge
        policy.allowsDebugMode = allowsDebugMode
        if let clockLeeway { policy.clockLeeway = clockLeeway }
        return policy
    }
}
