// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding
import Keyring

/// What the enclave itself says of the keyring that is being backed up.
struct BackupVerification: Sendable {
    /// Whether the sealed bytes are the ones that the enclave serves. A digest in an attestation covers what is sealed,
    /// which nobody without the TSK can compute; so the enclave is asked for the digest of the sealed bytes.
    enum SealedBytes: String, Sendable {
        /// The same, by the answer over TLS that ends in the attested enclave.
        case attestedTLS = "attested-tls"
        /// The same, by an answer over plain HTTP, which the host can forge.
        case plainHTTP = "plain-http"
        /// This enclave does not say, or the caller may not ask (keybroker:GetStatus).
        case unchecked
    }

    let document: [UInt8]
    let version: UInt64
    let digest: [UInt8]
    let bootID: [UInt8]
    let sealedBytes: SealedBytes

    var json: JSON {
        [
            "file": .string(BackupManifest.attestationFile), "version": .number(JSONNumber(Int64(clamping: version))),
            "digest": .string(Hex.encode(digest)), "bootId": .string(Hex.encode(bootID)),
            "sealedBytes": .string(sealedBytes.rawValue),
        ]
    }
}
