// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import NitroAttestation
import PolicyTools

/// One of the two enclaves of a rotation: what its documents show, and what its TSK was wrapped with.
struct EnclaveIdentity: Sendable {
    /// PCR0 and PCR16, and others as far as they are known.
    let pcrs: [Int: [UInt8]]
    let encryptionContext: [String: String]

    var image: [UInt8] { pcrs[0] ?? [] }
    var configuration: [UInt8] { pcrs[16] ?? [] }

    /// For people.
    var line: String {
        "PCR0 \(Hex.encode(image).prefix(12))…, PCR16 \(Hex.encode(configuration).prefix(12))…"
    }

    var json: JSON {
        .object(JSONObject(pcrs.sorted { $0.key < $1.key }.map { (String($0.key), .string(Hex.encode($0.value))) }))
    }

    /// As a policy pins it.
    func pinned(_ others: [Int: [UInt8]]) -> UnlockPolicy.Identity {
        UnlockPolicy.Identity(pcr0: image, pcr16: configuration, others: others)
    }

    /// The same with other values in some registers.
    func with(_ changes: [Int: [UInt8]]) -> EnclaveIdentity {
        EnclaveIdentity(pcrs: pcrs.merging(changes) { $1 }, encryptionContext: encryptionContext)
    }

    /// Of a document that has to be this enclave's.
    func verification(roots: TrustAnchors) -> VerificationPolicy {
        var policy = VerificationPolicy(roots: roots)
        policy.pcrs = pcrs
        return policy
    }
}
