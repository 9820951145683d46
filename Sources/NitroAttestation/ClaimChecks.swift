// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// What can be compared without a signature: cheap, so first.
enum ClaimChecks: Sendable {
    /// The first certificate of the bundle must be an anchor. What follows from it, the chain shows.
    static func checkRoot(of claims: AttestationDocument, policy: VerificationPolicy) throws(Rejection) {
        guard let root = claims.cabundle.first, policy.roots.contains(root) else {
            let fingerprint = claims.cabundle.first.map { Hex.encode(Hash.digest(.sha256, $0)) } ?? "none"
            throw Rejection(.untrustedRoot, "the document's root has SHA-256 \(fingerprint)")
        }
    }

    /// Time, mode, measurements and the fields that the enclave chose, in this order.
    static func check(_ claims: AttestationDocument, policy: VerificationPolicy, at time: Timestamp) throws(Rejection) {
        try checkAge(claims, policy: policy, at: time)
        if let index = claims.unattestedImagePCR, !policy.allowsDebugMode {
            throw Rejection(.debugMode, "PCR\(index) is \(claims.pcrs[index] == nil ? "absent" : "all zero")")
        }
        try checkPCRs(claims, policy: policy)
        try demand(policy.nonce, in: claims.nonce, else: .nonceMismatch)
        try demand(policy.userData, in: claims.userData, else: .userDataMismatch)
        try demand(policy.publicKey, in: claims.publicKey, else: .publicKeyMismatch)
        if policy.requiresRSAPublicKey { try checkRSA(claims.publicKey) }
    }

    private static func checkAge(_ claims: AttestationDocument, policy: VerificationPolicy, at time: Timestamp)
        throws(Rejection)
    {
        let latest = time.advanced(byMilliseconds: policy.clockLeeway)
        guard claims.timestamp <= latest else {
            throw Rejection(.documentFromFuture, "made at \(claims.timestamp.rfc3339), verified at \(time.rfc3339)")
        }
        // Never before 1970, so the end of the range cannot be passed; clamped all the same.
        if let maximumAge = policy.maximumAge, claims.timestamp.advanced(byMilliseconds: maximumAge) < time {
            throw Rejection(
                .documentTooOld,
                "made at \(claims.timestamp.rfc3339), verified at \(time.rfc3339), at most \(maximumAge) ms allowed"
            )
        }
    }

    private static func checkPCRs(_ claims: AttestationDocument, policy: VerificationPolicy) throws(Rejection) {
        let demanded = policy.pcrs.sorted { $0.key < $1.key }
        for (index, _) in demanded where claims.pcrs[index] == nil {
            throw Rejection(.pcrMissing, "the document has no PCR\(index)")
        }
        for (index, value) in demanded {
            guard let found = claims.pcrs[index], constantTimeEquals(found, value) else {
                let found = Hex.encode(claims.pcrs[index] ?? [])
                throw Rejection(.pcrMismatch, "PCR\(index): expected \(Hex.encode(value)), found \(found)")
            }
        }
    }

    /// A demanded field that is null, absent or empty is refused like any other that differs.
    private static func demand(_ expected: [UInt8]?, in found: [UInt8]?, else reason: Rejection.Reason)
        throws(Rejection)
    {
        guard let expected else { return }
        guard let found else { throw Rejection(reason, "expected \(expected.count) bytes, the document has none") }
        guard constantTimeEquals(found, expected) else {
            throw Rejection(
                reason,
                "expected SHA-256 \(Hex.encode(Hash.digest(.sha256, expected))) (\(expected.count) bytes), "
                    + "found \(Hex.encode(Hash.digest(.sha256, found))) (\(found.count) bytes)"
            )
        }
    }

    /// Exactly an RSA SubjectPublicKeyInfo in DER: not PEM, not PKCS#1, and nothing after it.
    private static func checkRSA(_ publicKey: [UInt8]?) throws(Rejection) {
        guard let publicKey else { throw Rejection(.publicKeyNotRSA, "the document has no public key") }
        guard let key = try? PublicKey(spki: publicKey, minimumRSABits: AttestationLimits.rsaBits.lowerBound),
            case .rsa(let bits) = key.algorithm, AttestationLimits.rsaBits.contains(bits), key.spki == publicKey
        else {
            throw Rejection(
                .publicKeyNotRSA,
                "expected an RSA SubjectPublicKeyInfo of \(AttestationLimits.rsaBits.lowerBound) to "
                    + "\(AttestationLimits.rsaBits.upperBound) bits, found \(publicKey.count) other bytes"
            )
        }
    }
}
