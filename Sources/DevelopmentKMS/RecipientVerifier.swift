// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import NitroAttestation

/// Turns the `Recipient` of a request into somebody to encrypt to, if its attestation document is genuine.
///
/// Which enclave it is, the key policy judges. So, as in AWS KMS, a document of an enclave in debug mode is good, but its
/// PCR0 to PCR2 are zeros, and neither its nonce nor its user data is looked at.
struct RecipientVerifier: Sendable {
    struct Verified: Sendable {
        let recipient: Recipient
        let attested: RequestRecord.Attested
    }

    /// How old a document may be, in milliseconds. AWS documents no limit; five minutes is what clients have observed.
    static let maximumDocumentAge: Int64 = 5 * 60 * 1000

    let roots: TrustAnchors?
    /// An enclave that unlocks again and again comes with the same certificates.
    private let cache = VerifiedChainCache()

    init(roots: TrustAnchors?) { self.roots = roots }

    /// The recipient that the request names; nil for none, and for operations that have none (their member of this name
    /// is unknown, and unknown members are ignored).
    func recipient(
        of operation: String,
        _ input: JSONObject,
        at now: Timestamp
    ) throws(KMSError) -> Verified? {
        let info: RecipientInfo?
        switch operation {
        case "Decrypt": info = try DecryptRequest(input).recipient
        case "GenerateDataKey": info = try GenerateDataKeyRequest(input).recipient
        case "GenerateRandom": info = try GenerateRandomRequest(input).recipient
        default: return nil
        }
        guard let info else { return nil }
        return try verify(info.unverifiedAttestationDocument, at: now)
    }

    private func verify(_ document: [UInt8], at now: Timestamp) throws(KMSError) -> Verified {
        guard let roots else {
            throw .validation("The attestation document cannot be verified: this service was given no root.")
        }
        var policy = VerificationPolicy(roots: roots)
        policy.requiresRSAPublicKey = true
        policy.maximumAge = Self.maximumDocumentAge
        policy.allowsDebugMode = true
        let verdict: Verdict
        do {
            verdict = try AttestationVerifier(policy: policy, cache: cache).verify(document, at: now)
        } catch {
            throw KMSError("KMSInternalException", error.detail)
        }
        switch verdict {
        case .rejected(let rejection):
            // AWS's text for this is not known. A developer is helped by the reason.
            throw .validation("The attestation document is not valid: \(rejection.reason.rawValue).")
        case .accepted(let attestation):
            guard let spki = attestation.document.publicKey, let key = try? PublicKey(spki: spki) else {
                throw .validation("The attestation document has no usable public key.")
            }
            let document = attestation.document
            return Verified(
                recipient: Recipient(pcrs: document.pcrs, publicKey: key),
                attested: .init(moduleID: document.moduleID, pcrs: document.pcrs)
            )
        }
    }
}
