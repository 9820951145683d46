// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import BrokerProtocol
import Cryptography
import Encoding
import NitroAttestation

/// The `hardware_attestation` of a bundle: the certificates of an enclave's attestation, from leaf to root, as ERST's own verifiers
/// read them; and the document that they sign, which is what names the key.
struct HardwareAttestation {
    private let document: [UInt8]
    private let certificates: [[UInt8]]

    /// Of an attestation that names `key`.
    static func json(_ document: [UInt8], naming key: PublicKey, _ expected: SignerAttestationJudge)
        throws(CommandFailure) -> JSON
    {
        switch expected.check(document, names: key) {
        case .failure(let refusal): throw .failed("attestation: \(refusal.reason)")
        case .success(let named):
            let claims = named.attestation.document
            let pcrs = [0, 16].map { "PCR\($0) \(Hex.encode(claims.pcrs[$0] ?? []))" }.joined(separator: ", ")
            return [
                "certificates": .array(try chain(claims).map(certificate)),
                "token_info": .string("AWS Nitro enclave \(claims.moduleID), \(pcrs), key \(named.origin.name)"),
                // What was made elsewhere was outside once.
                "key_non_exportable": .bool(named.origin == .madeInside),
                "retrieved_at": .string(claims.timestamp.rfc3339WithMilliseconds),
                "attestation_document": .string(Base64.encode(document)),
            ]
        }
    }

    /// From the one whose key signed the document to the root.
    private static func chain(_ claims: AttestationDocument) -> [[UInt8]] {
        [claims.certificate] + claims.cabundle.reversed()
    }

    private static func certificate(_ der: [UInt8]) throws(CommandFailure) -> JSON {
        guard let certificate = try? Certificate(der: der) else {
            throw .failed("attestation: a certificate is malformed")
        }
        return [
            "pem": .string(certificate.pem), "subject": .string(certificate.subject),
            "issuer": .string(certificate.issuer),
            "serial": .string(certificate.serialNumber.uppercased()),
        ]
    }

    /// Nil for the attestation of another kind of module, or one without the document.
    init?(_ value: JSON) {
        guard let object = value.object,
            let document = object["attestation_document"]?.string.flatMap({ try? Base64.decode($0) }),
            let entries = object["certificates"]?.array
        else { return nil }
        let certificates = entries.compactMap { entry in
            entry.object?["pem"]?.string.flatMap { try? Certificate(pem: $0).der }
        }
        guard certificates.count == entries.count else { return nil }
        self.document = document
        self.certificates = certificates
    }

    /// Whether it is of the expected enclave, and names `key`; and whence the enclave has it.
    func check(_ key: PublicKey, _ expected: SignerAttestationJudge) -> Result<
        AttestationUserData.KeyOrigin, SignerAttestationJudge.Refusal
    > {
        expected.check(document, names: key).flatMap { named in
            guard Self.chain(named.attestation.document) == certificates else {
                return .failure(.init(reason: "the certificates are not those of its document"))
            }
            return .success(named.origin)
        }
    }
}

extension AttestationUserData.KeyOrigin {
    /// As reports name it.
    var name: String {
        switch self {
        case .imported: "imported"
        case .madeOffline: "made-offline"
        case .madeInside: "made-inside"
        }
    }
}
