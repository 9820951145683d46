// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Why an enclave is not trusted: a stable code, and one line for people that says what to do.
struct TrustRefusal: Error, Sendable {
    enum Code: String, Sendable {
        /// Nobody answers.
        case unreachable
        /// What answers does not finish a TLS handshake.
        case notTLS = "not-tls"
        /// It does, and gives no attestation.
        case noAttestation = "no-attestation"
        /// The document does not verify, or is not a broker's.
        case attestation = "attestation-rejected"
        /// The enclave attests that it does not end TLS.
        case noTLSKey = "no-tls-key"
        /// Something between here and the enclave ends TLS.
        case otherTLSKey = "other-tls-key"
        /// The certificate is not one that a broker issues for itself.
        case certificate = "certificate-rejected"
        case publicName = "public-name"
        /// The certificate does not name the endpoint.
        case endpointNotNamed = "endpoint-not-named"
        case rollback = "keyring-rollback"
        case fork = "keyring-fork"
        /// The public views that were given do not lead from the version last seen to this one.
        case brokenChain = "keyring-chain"
    }

    let code: Code
    let detail: String

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    var json: JSON {
        [
            "trusted": false, "reason": .string(code.rawValue), "detail": .string(detail),
        ]
    }
}
