// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding

/// What a certificate must be before anybody is told to trust it.
///
/// Its key is attested, and the handshake proved that the peer has it. The rest keeps the trust as small as it is meant:
/// for this server, under private names, and for no certificate but this one.
struct CertificateJudgement: Sendable {
    let certificate: Certificate
    let names: [IngressName]

    /// - Parameters:
    ///   - presented: The peer's certificates.
    ///   - attestedKey: SHA-256 of the SPKI that the attestation names.
    ///   - endpoint: Where it was presented.
    ///   - now: This machine's time.
    /// - Throws: ``TrustRefusal``.
    init(_ presented: [[UInt8]], attestedKey: [UInt8]?, at endpoint: EnclaveEndpoint, now: Timestamp)
        throws(TrustRefusal)
    {
        guard let attestedKey else {
            throw TrustRefusal(
                .noTLSKey,
                "the enclave is the expected one and ends no TLS: whatever ended this connection is not it"
            )
        }
        guard presented.count == 1, let der = presented.first, let certificate = try? Certificate(der: der) else {
            throw TrustRefusal(.certificate, "expected one certificate, got \(presented.count) or what is none")
        }
        guard certificate.publicKeySHA256 == attestedKey else {
            throw TrustRefusal(
                .otherTLSKey,
                "the connection ends at the key \(Hex.encode(certificate.publicKeySHA256)), and the enclave attests "
                    + "\(Hex.encode(attestedKey)): something between here and the enclave ends TLS"
            )
        }
        guard certificate.isSigned(by: certificate.publicKey), certificate.basicConstraints?.isCA == false,
            certificate.keyUsage?.contains(.keyCertSign) != true
        else { throw TrustRefusal(.certificate, "it is not signed by itself, or may sign others (CA)") }
        guard (try? certificate.extendedKeyUsage()) == [Certificate.serverAuthentication],
            certificate.otherCriticalExtensions.isEmpty
        else { throw TrustRefusal(.certificate, "it is not for TLS servers alone") }
        guard certificate.isValid(at: now) else {
            throw TrustRefusal(
                .certificate,
                "it is valid from \(certificate.notBefore.rfc3339) to \(certificate.notAfter.rfc3339), and it is "
                    + "\(now.rfc3339) here"
            )
        }
        guard let stated = try? certificate.subjectAlternativeNames(), !stated.isEmpty else {
            throw TrustRefusal(.certificate, "it names nothing")
        }
        var names: [IngressName] = []
        for name in stated {
            guard let name = IngressName(name) else {
                throw TrustRefusal(.certificate, "it names what is neither a host name nor an address")
            }
            guard name.isPrivate else {
                throw TrustRefusal(
                    .publicName,
                    "it names \(name), which is public: whoever trusts it would trust the enclave for that name too"
                )
            }
            names.append(name)
        }
        guard let name = endpoint.name, names.contains(name) else {
            let list = names.map(\.description).joined(separator: ", ")
            throw TrustRefusal(
                .endpointNotNamed,
                "its names are \(list), and not \(endpoint.host): use one of them, or add it to the configuration's hosts"
            )
        }
        self.certificate = certificate
        self.names = names
    }
}
