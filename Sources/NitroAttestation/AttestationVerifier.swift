// SPDX-License-Identifier: Apache-2.0

public import Encoding

/// Whether a document is accepted, and if not, the first reason in the documented order of checks.
public enum Verdict: Sendable {
    /// Every check passed.
    case accepted(VerifiedAttestation)
    /// The first check that failed.
    case rejected(Rejection)
}

/// A document that the verifier accepted. Only ``AttestationVerifier`` makes one.
public struct VerifiedAttestation: Sendable {
    /// What the security module attests.
    public let document: AttestationDocument
    /// Whether PCR values were demanded and matched.
    public let identity: Identity
    /// The time at which the document was verified.
    public let time: Timestamp

    /// Whether a policy on PCRs was part of the verification.
    public enum Identity: String, Sendable {
        /// Every PCR that the policy names has its value.
        case checked
        /// The policy names none: a genuine enclave, but nobody said which.
        case unchecked
    }

    fileprivate init(document: AttestationDocument, identity: Identity, time: Timestamp) {
        self.document = document
        self.identity = identity
        self.time = time
    }
}

/// Verifies attestation documents as AWS's "Verifying the root of trust" asks, and stricter where attacks are known.
///
/// The checks are made in the order of ``Rejection/Reason/allCases``, and the first that fails is the verdict: the form
/// of envelope and payload; the trust anchor; the claims against the policy and the time; the certificates; at last the
/// signatures, which cost most. Accepted is only what passed all of them.
public struct AttestationVerifier: Sendable {
    /// What is demanded.
    public let policy: VerificationPolicy
    /// Where verified chains are remembered; nil: every document pays for its whole chain.
    public let cache: VerifiedChainCache?

    /// Makes a verifier for one policy. A cache may be shared between verifiers; it changes no verdict.
    ///
    /// - Throws: ``PolicyError`` for a policy that could not do what it says: no trust anchor; a PCR index outside 0 to
    ///   31, a value that is not 48 bytes or all zero; an empty or oversized nonce, user data or public key; a negative
    ///   age or leeway.
    public init(policy: VerificationPolicy, cache: VerifiedChainCache? = nil) throws(PolicyError) {
        try policy.check()
        self.policy = policy
        self.cache = cache
    }

    /// Verifies the received bytes at `time`, the verifier's own. Reads no clock.
    ///
    /// `bytes` are the document as the module made it: raw CBOR, not base64 or hex, at most 16,493 bytes. Whatever else
    /// they are, the answer is a rejection. Costs up to five verifications of P-384, with a cache at least one.
    public func verify(_ bytes: [UInt8], at time: Timestamp) -> Verdict {
        verdict { () throws(Rejection) in
            try accept(try UnverifiedAttestation(parsing: bytes), at: time)
        }
    }

    /// Verifies archived evidence at the time that the document itself states.
    ///
    /// It shows that the document was genuine when it was made, not that anything it says still holds: whoever once had
    /// a key of its chain can date a document back. For a live enclave, use ``verify(_:at:)``.
    public func verifyAtDocumentTime(_ bytes: [UInt8]) -> Verdict {
        verdict { () throws(Rejection) in
            let attestation = try UnverifiedAttestation(parsing: bytes)
            return try accept(attestation, at: attestation.claims.timestamp)
        }
    }

    private func verdict(_ verify: () throws(Rejection) -> VerifiedAttestation) -> Verdict {
        do {
            return .accepted(try verify())
        } catch {
            return .rejected(error)
        }
    }

    /// Everything after the form of the document.
    private func accept(_ attestation: UnverifiedAttestation, at time: Timestamp) throws(Rejection)
        -> VerifiedAttestation
    {
        let claims = attestation.claims
        try ClaimChecks.checkRoot(of: claims, policy: policy)
        try ClaimChecks.check(claims, policy: policy, at: time)
        let chain = try CertificateChain(parsing: claims, cache: cache)
        try chain.checkForm()
        try chain.checkValidity(at: time, leeway: policy.clockLeeway)
        try chain.checkSignatures()
        try chain.checkSignature(of: attestation.envelope)
        if let cache { chain.remember(in: cache) }
        return VerifiedAttestation(
            document: claims,
            identity: policy.pcrs.isEmpty ? .unchecked : .checked,
            time: time
        )
    }
}
