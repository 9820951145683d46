// SPDX-License-Identifier: Apache-2.0

import NitroAttestation

func publicKey(attestedBy document: [UInt8], image: [UInt8], nonce: [UInt8], now: Timestamp) throws -> [UInt8]? {
    var policy = VerificationPolicy(roots: .aws)
    policy.pcrs = [0: image]  // 48 bytes: the measurement of an image that you know
    policy.nonce = nonce  // 16 bytes or more, made by you for this exchange
    switch try AttestationVerifier(policy: policy).verify(document, at: now) {
    case .accepted(let attestation): return attestation.document.publicKey
    case .rejected(let rejection): throw rejection
    }
}
