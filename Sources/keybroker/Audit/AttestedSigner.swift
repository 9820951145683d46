// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import BrokerProtocol
import Cryptography
import Encoding
import KMSProtocol
import NitroAttestation

/// A key of a broker as a signer, as a fresh attestation names it.
struct AttestedSigner: Sendable {
    /// Valid from the attestation on, which it keeps.
    var signer: Signer
    /// `made inside`, and when.
    let origin: String
    /// Somebody had the private key outside.
    let isImported: Bool
    let pcr0: String
    let pcr16: String

    /// Asks for the public key, and for an attestation of the enclave that `policy` describes which names that very key.
    ///
    /// `name` is an id, ARN or alias; the signer's id is `id`, or the key's ARN.
    static func fetch(
        _ name: String,
        id: String? = nil,
        policy: VerificationPolicy,
        broker: BrokerOptions,
        _ session: BrokerSession
    ) async throws(CommandFailure) -> AttestedSigner {
        let described = try await session.kms(
            "GetPublicKey",
            JSONObject([("KeyId", .string(name))]),
            answeredBy: ["UnsupportedOperationException"]
        )
        guard case .success(let answer) = described else {
            throw .failed("\(name): has no public key: whoever could verify with an HMAC key could sign with it")
        }
        guard let spki = answer.blob("PublicKey"), let key = try? PublicKey(spki: spki),
            let arn = answer["KeyId"]?.string
        else { throw BrokerFailure.malformed(session.url) }
        let enclave = try await AttestedEnclave.fetch(
            from: broker.url,
            keyID: arn,
            policy: policy,
            transport: broker.transport()
        )
        guard let origin = enclave.origin(ofKey: spki) else {
            throw .failed(
                "\(name): the public key is not the one that the enclave attests: the answer was changed on its way"
            )
        }
        var signer = Signer(id: id ?? arn, key: key)
        signer.notBefore = enclave.attestation.document.timestamp
        signer.attestation = Signer.Attestation(document: enclave.bytes)
        let pcrs = enclave.attestation.document.pcrs
        return AttestedSigner(
            signer: signer,
            origin: origin.text,
            isImported: origin.kind == .imported,
            pcr0: Hex.encode(pcrs[0] ?? []),
            pcr16: Hex.encode(pcrs[16] ?? [])
        )
    }
}
