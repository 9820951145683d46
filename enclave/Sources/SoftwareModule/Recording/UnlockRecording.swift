// SPDX-License-Identifier: Apache-2.0

package import EnclaveCore
import Keyring
package import SecurityModule

/// What crossed the boundary from the start of a boot to the end of one try to unlock, with all that is needed to go
/// through it again offline.
///
/// **It contains the key that the TSK was released to.** Whoever has a recording can open its envelope, and with the
/// sealed keyring in it every key of the broker.
package struct UnlockRecording: Sendable, Equatable {
    /// Version of the form: `docs/reference/unlock-recording.schema.json`.
    package static let format: Int64 = 1
    /// Stands in every `recording.json`.
    package static let warning =
        "SECRET: contains the unlock key. With it and these files anyone opens the TSK and the keyring. "
        + "Record keys that are worthless only, and never publish a recording of any other."

    package enum Exchange: Sendable, Equatable {
        case module(ModuleExchange)
        case relay(RelayExchange)
    }

    /// One exchange with the security module.
    package struct ModuleExchange: Sendable, Equatable {
        package var request: [UInt8]
        package var answer: Result<[UInt8], SecurityModuleError>

        package init(request: [UInt8], answer: Result<[UInt8], SecurityModuleError>) {
            self.request = request
            self.answer = answer
        }
    }

    /// One exchange with the host's relay.
    package struct RelayExchange: Sendable, Equatable {
        package enum Answer: Sendable, Equatable {
            case response(status: Int, errorType: String?, body: [UInt8])
            case unreachable(String)
            case timeout
            case malformedResponse
        }

        package var method: String
        package var path: String
        /// `X-Amz-Target`
        package var target: String?
        package var body: [UInt8]
        package var answer: Answer

        package init(method: String, path: String, target: String? = nil, body: [UInt8] = [], answer: Answer) {
            self.method = method
            self.path = path
            self.target = target
            self.body = body
            self.answer = answer
        }
    }

    /// A key and a certificate that no other boot would make the same.
    package struct IssuedTLSIdentity: Sendable, Equatable {
        /// PKCS #8. As secret as the unlock key.
        package var key: [UInt8]
        /// DER.
        package var certificate: [UInt8]

        package init(key: [UInt8], certificate: [UInt8]) {
            self.key = key
            self.certificate = certificate
        }
    }

    /// The keyring of an unlocked enclave.
    package struct Keyring: Sendable, Equatable {
        package struct PublicKey: Sendable, Equatable {
            package var keyID: String
            package var keySpec: String
            package var spki: [UInt8]
        }

        package var id: String
        package var version: Int64
        package var digest: [UInt8]
        /// Of the asymmetric keys, in the keyring's order.
        package var publicKeys: [PublicKey]
    }

    /// Where a boot ended.
    package struct Outcome: Sendable, Equatable {
        /// `started`, `configured`, `unlocked` or `failed`.
        package var state: String
        /// The stable code of what keeps the enclave from serving.
        package var reason: String?
        /// One line for people. Its words are not part of the result.
        package var detail: String?
        /// Of an unlocked enclave.
        package var keyring: Keyring?

        package init(state: String, reason: String? = nil, detail: String? = nil, keyring: Keyring? = nil) {
            self.state = state
            self.reason = reason
            self.detail = detail
            self.keyring = keyring
        }

        /// Whether two boots ended the same way, whatever the words.
        package func isSame(as other: Outcome) -> Bool {
            state == other.state && reason == other.reason && keyring == other.keyring
        }
    }

    /// What made it: name and version.
    package var producer: String
    /// One sentence on what is special about it.
    package var summary: String?
    /// Whether the boot was one with the software module, which may run in debug mode.
    package var isSimulatedModule: Bool
    /// The configuration that the enclave had of its own; nil: it asked the relay.
    package var imageConfiguration: [UInt8]?
    /// In the order in which they were made.
    package var exchanges: [Exchange]
    /// Random values in the order of their use: the boot id, the nonce of the document.
    package var random: [[UInt8]]
    /// PKCS #8 of the RSA key that the document names; nil if it did not come to that.
    package var unlockKey: [UInt8]?
    /// The identity that the boot issued for its TLS; nil: the keyring had one, or none was needed.
    package var tlsIdentity: IssuedTLSIdentity?
    package var outcome: Outcome

    package init(
        producer: String,
        summary: String? = nil,
        isSimulatedModule: Bool,
        imageConfiguration: [UInt8]?,
        exchanges: [Exchange],
        random: [[UInt8]],
        unlockKey: [UInt8]?,
        tlsIdentity: IssuedTLSIdentity? = nil,
        outcome: Outcome
    ) {
        self.producer = producer
        self.summary = summary
        self.isSimulatedModule = isSimulatedModule
        self.imageConfiguration = imageConfiguration
        self.exchanges = exchanges
        self.random = random
        self.unlockKey = unlockKey
        self.tlsIdentity = tlsIdentity
        self.outcome = outcome
    }
}

extension UnlockRecording.Outcome {
    /// Of the state that a boot is in.
    package init(_ state: EnclaveState) {
        self.init(state: state.name, reason: state.reason)
        switch state {
        case .started: break
        case .configured(_, let failure): detail = failure?.detail
        case .failed(let failed): detail = failed.failure.detail
        case .unlocked(let unlocked):
            keyring = UnlockRecording.Keyring(
                id: unlocked.header.keyringID,
                version: Int64(clamping: unlocked.header.version),
                digest: unlocked.digest,
                publicKeys: unlocked.publicKeys.map {
                    UnlockRecording.Keyring.PublicKey(keyID: $0.keyID, keySpec: $0.keySpec, spki: $0.spki)
                }
            )
        }
    }
}
