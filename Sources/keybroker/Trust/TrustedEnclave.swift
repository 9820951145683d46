// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding
import Keyring
import NitroAttestation

/// An enclave, and the certificate that its TLS is known by, after everything was checked.
struct TrustedEnclave: Sendable {
    let userData: AttestationUserData
    let certificate: Certificate
    let names: [IngressName]
    let sighting: KeyringSighting
    let continuity: Continuity
    /// With what was seen now; not written yet.
    let state: TrustState

    /// Bytes of the nonce, as long as the hash that the document is signed over would ask for.
    private static let nonceLength = 32

    /// Connects and checks, in this order: the document, the key, the certificate, the keyring.
    ///
    /// - Parameters:
    ///   - endpoint: Where the broker is.
    ///   - demanded: Names PCR0 and PCR16.
    ///   - stateFile: nil: the broker's own.
    ///   - views: Public views for a gap.
    /// - Returns: What is to be trusted, with what was seen; nothing is written yet.
    /// - Throws: ``TrustRefusal``; ``CommandFailure`` for files.
    static func establish(
        _ endpoint: EnclaveEndpoint,
        policy demanded: VerificationPolicy,
        state stateFile: String?,
        views: [KeyringPublicParts]
    ) async throws -> TrustedEnclave {
        var policy = demanded
        let nonce = try SecureRandom.bytes(count: nonceLength)
        policy.nonce = nonce
        let connection = try await AttestedConnection.open(endpoint, nonce: nonce)
        let enclave: AttestedEnclave
        do {
            enclave = try AttestedEnclave(verifying: connection.document, policy: policy)
        } catch {
            // A policy that no verifier takes is the user's mistake, not the enclave's.
            guard error.status == .failure else { throw error }
            throw TrustRefusal(.attestation, error.message)
        }
        let userData = enclave.userData
        let judgement = try CertificateJudgement(
            connection.certificates,
            attestedKey: userData.tlsKeyDigest,
            at: endpoint,
            now: SystemClock.now()
        )
        guard let id = userData.keyringID, let version = userData.keyringVersion, let digest = userData.keyringDigest
        else { throw TrustRefusal(.attestation, "the document names no keyring") }
        let sighting = KeyringSighting(keyringID: id, version: version, digest: digest)
        var state = try TrustState(path: stateFile ?? "\(TrustState.folder)/\(userData.brokerID).json")
        let continuity = try Continuity(of: sighting, after: state.last(id), views: views)
        state.see(sighting)
        return TrustedEnclave(
            userData: userData,
            certificate: judgement.certificate,
            names: judgement.names,
            sighting: sighting,
            continuity: continuity,
            state: state
        )
    }

    // MARK: What is said of it

    func lines(bundle: String) -> [String] {
        [
            "broker \(userData.brokerID): identity checked (PCR0, PCR16), TLS ends inside",
            "boot id \(Hex.encode(userData.bootID))",
            "keyring \(sighting.keyringID) version \(sighting.version), digest \(Hex.encode(sighting.digest)): \(story)",
            "certificate for \(names.map(\.description).joined(separator: ", ")), until \(certificate.notAfter.rfc3339): "
                + bundle,
        ]
    }

    private var story: String {
        switch continuity {
        case .first: "seen for the first time"
        case .same: "as seen last"
        case .unchecked: "later than seen last; that it continues it was not checked (--views)"
        case .chained: "continues what was seen last"
        }
    }

    func json(bundle: String, environment: TrustedEnvironment) -> JSON {
        [
            "trusted": true, "brokerId": .string(userData.brokerID), "bootId": .string(Hex.encode(userData.bootID)),
            "configurationDigest": .string(Hex.encode(userData.configurationDigest)),
            "keyringId": .string(sighting.keyringID),
            "keyringVersion": .number(JSONNumber(Int64(clamping: sighting.version))),
            "keyringDigest": .string(Hex.encode(sighting.digest)), "continuity": .string(continuity.rawValue),
            "tlsKeySha256": .string(Hex.encode(certificate.publicKeySHA256)),
            "certificateSha256": .string(Hex.encode(certificate.fingerprintSHA256)),
            "names": .array(names.map { .string($0.description) }), "notAfter": .string(certificate.notAfter.rfc3339),
            "bundle": .string(bundle), "state": .string(state.path), "environment": environment.json,
        ]
    }
}
