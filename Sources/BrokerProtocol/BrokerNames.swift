// SPDX-License-Identifier: Apache-2.0

import KMSProtocol

/// The broker's own operations: `X-Amz-Target: KeyBroker.<Operation>`, authorised as `keybroker:<Operation>` on the
/// broker's ARN. `kms:*` never covers them; those that use a key are authorised as what they come to, `kms:Sign`,
/// `kms:Encrypt` and `kms:Decrypt` on the key.
package enum BrokerOperation: String, Sendable, CaseIterable {
    case getStatus = "GetStatus"
    case getAttestation = "GetAttestation"
    case signBatch = "SignBatch"
    case encrypt = "Encrypt"
    case decrypt = "Decrypt"
    case createPrincipal = "CreatePrincipal"
    case deletePrincipal = "DeletePrincipal"
    case listPrincipals = "ListPrincipals"
    case putPrincipalPolicy = "PutPrincipalPolicy"

    package var target: String { "\(TargetPrefix.broker).\(rawValue)" }
    package var action: String {
        switch self {
        case .signBatch: "kms:Sign"
        case .encrypt, .decrypt: "kms:\(rawValue)"
        default: "keybroker:\(rawValue)"
        }
    }
}

/// `arn:aws:keybroker:REGION:ACCOUNT:broker/ID`: the resource of the broker's own operations.
package func brokerARN(region: String, account: String, brokerID: String) -> String {
    "arn:aws:keybroker:\(region):\(account):broker/\(brokerID)"
}

/// What an enclave asks of its host. Everything that comes back is hostile until verified.
package enum RelayPath {
    /// `GET`: the configuration's bytes.
    package static let configuration = "/config"
    /// `GET`: the sealed keyring, 404 if none is stored. `PUT` with ``RelayHeader/keyringVersion``: 204 once stored.
    package static let keyring = "/keyring"
    /// `POST`: a KMS request without credentials; the host signs and forwards it.
    package static let kms = "/kms"
    /// `POST`: JSON lines, public values only, best effort.
    package static let log = "/log"
    /// `PUT`: metrics, public values only, best effort.
    package static let metrics = "/metrics"
}

package enum RelayHeader {
    package static let keyringVersion = "Keyring-Version"
    package static let target = "X-Amz-Target"
}

/// What the enclave serves beside `POST /`, without authentication.
package enum BrokerPath {
    /// The API: `POST /`.
    package static let api = "/"
    package static let health = "/health"
    /// `?nonce=HEX[&key=KEYID]`: raw CBOR, ``attestationContentType``.
    package static let attestation = "/attestation"

    package static let attestationContentType = "application/cbor"
}

/// Bytes of a caller's nonce. At least 16, so that it does not repeat by chance; at most 64, far below the 512 that the
/// security module takes.
package let attestationNonceLength = 16...64

/// The version of this product (Semantic Versioning 2.0.0).
package let productVersion = "0.1.0"
