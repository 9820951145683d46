// SPDX-License-Identifier: Apache-2.0

import AWSClient
import BrokerProtocol
import Cryptography
import Encoding
import NitroAttestation

/// An enclave whose fresh attestation was verified, and what it states about itself.
struct AttestedEnclave: Sendable {
    let bytes: [UInt8]
    let attestation: VerifiedAttestation
    let userData: AttestationUserData

    /// Fetches a document with a fresh nonce from the broker's ingress and verifies it now, under a policy that names
    /// PCR0 and PCR16. With `keyID` the document is to bind that signing key; `nonce` is 16 to 64 bytes, random if nil.
    static func fetch(
        from url: String,
        keyID: String? = nil,
        nonce: [UInt8]? = nil,
        policy demanded: VerificationPolicy,
        transport: WebTransport
    ) async throws(CommandFailure) -> AttestedEnclave {
        let sent: [UInt8]
        do {
            sent = try nonce ?? SecureRandom.bytes(count: 32)
        } catch {
            throw .failed("no randomness")
        }
        let bytes: [UInt8]
        do {
            bytes = try await BrokerEndpoint(url, transport: transport).attestation(nonce: sent, keyID: keyID)
        } catch {
            throw BrokerFailure.explained(error, url: url)
        }
        var policy = demanded
        policy.nonce = sent
        return try AttestedEnclave(verifying: bytes, policy: policy)
    }

    /// Verifies a document now, under a policy that names PCR0, PCR16 and the nonce that was sent.
    init(verifying bytes: [UInt8], policy: VerificationPolicy) throws(CommandFailure) {
        let verifier: AttestationVerifier
        do {
            verifier = try AttestationVerifier(policy: policy)
        } catch {
            throw .usage(error.detail)
        }
        switch verifier.verify(bytes, at: SystemClock.now()) {
        case .rejected(let rejection):
            throw .failed("attestation rejected: \(rejection.reason.rawValue): \(rejection.detail)")
        case .accepted(let attestation):
            self.attestation = attestation
        }
        self.bytes = bytes
        do {
            userData = try AttestationUserData(decoding: attestation.document.userData ?? [])
        } catch {
            throw .failed("a genuine enclave, but not this broker: \(error.detail)")
        }
        guard userData.purpose == .identity else {
            throw .failed("the document was made for another purpose than identity")
        }
    }

    /// What `user_data` states, for people and programs.
    var json: JSON {
        var object = JSONObject([
            ("purpose", .string("identity")),
            ("brokerId", .string(userData.brokerID)),
            ("configurationDigest", .string(Hex.encode(userData.configurationDigest))),
            ("bootId", .string(Hex.encode(userData.bootID))),
        ])
        object["keyringId"] = userData.keyringID.map { .string($0) }
        object["keyringVersion"] = userData.keyringVersion.map { .number(JSONNumber(Int64(clamping: $0))) }
        object["keyringDigest"] = userData.keyringDigest.map { .string(Hex.encode($0)) }
        object["tlsKeyDigest"] = userData.tlsKeyDigest.map { .string(Hex.encode($0)) }
        object["signingKeyDigest"] = userData.signingKeyDigest.map { .string(Hex.encode($0)) }
        object["channel"] = userData.channel.map { .string($0) }
        return .object(object)
    }
}
