// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
package import BrokerProtocol
import KMSProtocol
import KeyService
package import Keyring

/// The process runs; nothing is known of what it is to do.
package struct Started: Sendable {
    /// 16 random bytes: which boot a document speaks of.
    package let bootID: [UInt8]
}

/// The configuration was measured into PCR16 and read.
package struct Configured: Sendable {
    package let bootID: [UInt8]
    package let configuration: BrokerConfiguration
    /// SHA-384 of the configuration's exact bytes.
    package let configurationDigest: [UInt8]
    /// As measured: what a key policy must name.
    package let pcr0: [UInt8]
    package let pcr16: [UInt8]
}

/// What requests are served from: one version of the keyring, opened under the TSK that the configuration commits to or
/// made from the version before. The version that was opened at boot was measured into PCR17. Only ``Unlock`` makes the
/// first one.
package struct Unlocked: Sendable {
    package let configured: Configured
    package let header: KeyringHeader
    /// What attestations name as the keyring's digest.
    package let digest: [UInt8]
    /// What the keyring of this version holds.
    let contents: KeyringContents
    let keys: KeyTable
    let authenticator: Authenticator
    /// Makes and stores the next version.
    let store: KeyringStore
    /// Ends the TLS of the ingress; nil where the configuration has none. The same for every version that a boot makes.
    let tls: TLSServer?
    /// SHA-384 of the sealed bytes of this version: what a backup of them is compared with.
    var sealedDigest: [UInt8]?

    /// The public keys of the asymmetric ones, in the keyring's order.
    package var publicKeys: [(keyID: String, keySpec: String, spki: [UInt8])] {
        keys.keys.compactMap { key in key.spki.map { (key.id, key.spec.rawValue, $0) } }
    }
}

/// Nothing happens any more until restart.
package struct Failed: Sendable {
    package let failure: TerminalFailure
}

/// Where an enclave is on its way. Each state is a type: what a state does not have cannot be used in it.
package enum EnclaveState: Sendable {
    case started(Started)
    /// With what the last try to unlock failed of, if there was one.
    case configured(Configured, RetryableFailure?)
    case unlocked(Unlocked)
    case failed(Failed)

    /// The name that `/health` and errors give.
    package var name: String {
        switch self {
        case .started: "started"
        case .configured: "configured"
        case .unlocked: "unlocked"
        case .failed: "failed"
        }
    }

    /// The stable code of what keeps the enclave from serving.
    package var reason: String? {
        switch self {
        case .started, .unlocked, .configured(_, nil): nil
        case .configured(_, let failure?): failure.code.rawValue
        case .failed(let failed): failed.failure.code.rawValue
        }
    }
}
