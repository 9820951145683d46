// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import BrokerProtocol
import Cryptography
import NitroAttestation

/// Judges the attestations of a registry, each at its own time: which signers' keys the expected enclave names, and whence it
/// has them.
struct SignerAttestationJudge {
    private let verifier: AttestationVerifier

    struct Result {
        /// By signer.
        var origins: [String: AttestationUserData.KeyOrigin] = [:]
        var refusals: [(id: String, reason: String)] = []
    }

    init(_ expected: ExpectedEnclaveOptions) throws(CommandFailure) {
        do {
            verifier = try AttestationVerifier(policy: try expected.policy())
        } catch let failure as CommandFailure {
            throw failure
        } catch let error as PolicyError {
            throw .usage(error.detail)
        } catch {
            throw .usage("\(error)")
        }
    }

    func check(_ registry: SignerRegistry) -> Result {
        var result = Result()
        for signer in registry.signers {
            switch check(signer) {
            case .success(let origin): result.origins[signer.id] = origin
            case .failure(let refusal): result.refusals.append((signer.id, refusal.reason))
            }
        }
        return result
    }

    struct Refusal: Error {
        let reason: String
    }

    private func check(_ signer: Signer) -> Swift.Result<AttestationUserData.KeyOrigin, Refusal> {
        guard let key = signer.publicKey, let document = signer.attestation?.document else {
            return .failure(Refusal(reason: "no attestation in the registry"))
        }
        return check(document, names: key).flatMap { named in
            guard signer.notBefore.map({ $0 >= named.attestation.document.timestamp }) == true else {
                return .failure(Refusal(reason: "is valid before its attestation"))
            }
            return .success(named.origin)
        }
    }

    /// An attestation that names a key.
    struct Named {
        let attestation: VerifiedAttestation
        let origin: AttestationUserData.KeyOrigin
    }

    /// Judges a document at its own time: whether it is of the expected enclave, and names `key`.
    func check(_ document: [UInt8], names key: PublicKey) -> Swift.Result<Named, Refusal> {
        switch verifier.verifyAtDocumentTime(document) {
        case .rejected(let rejection): return .failure(Refusal(reason: "attestation \(rejection.reason.rawValue)"))
        case .accepted(let attestation):
            guard let data = try? AttestationUserData(decoding: attestation.document.userData ?? []),
                data.purpose == .identity, data.signingKeyDigest == Hash.digest(.sha256, key.spki),
                let origin = data.signingKeyOrigin?.origin
            else { return .failure(Refusal(reason: "its attestation does not name this key")) }
            return .success(Named(attestation: attestation, origin: origin))
        }
    }
}
