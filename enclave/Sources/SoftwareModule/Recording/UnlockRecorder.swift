// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
package import EnclaveCore
import SecurityModule
import Synchronization

/// Writes down a boot while it happens: one recording for each try to unlock.
///
/// It stands in the boot's way to the module, the relay, the random generator and the recipient keys, and changes nothing
/// on it. The enclave's clock and the documents that clients ask for go past it.
package final class UnlockRecorder: Sendable {
    /// Takes a recording: the boot id, the number of the try from 1, and the recording. Called on the boot's own task.
    package typealias Sink = @Sendable (_ bootID: [UInt8], _ number: Int, _ recording: UnlockRecording) -> Void

    private struct Part {
        var exchanges: [UnlockRecording.Exchange] = []
        var random: [[UInt8]] = []
        var tlsIdentity: UnlockRecording.IssuedTLSIdentity?
    }

    private struct State {
        /// From the start to the state `configured`: the beginning of every recording.
        var boot: Part?
        /// Since then, or since the last try.
        var current = Part()
        /// Public and private halves, in the order in which they were made: the newest may be for the next try.
        var keys: [(spki: [UInt8], pkcs8: [UInt8])] = []
        var tries = 0
        var isDone = false
    }

    private let state = Mutex(State())
    private let producer: String
    private let sink: Sink

    package init(producer: String, sink: @escaping Sink) {
        self.producer = producer
        self.sink = sink
    }

    /// Stands in between: see ``EnclaveEnvironment/tap``.
    package func tap(_ environment: BootEnvironment) -> BootEnvironment {
        var tapped = environment
        tapped.module = SecurityModule(
            RecordedModule(transport: environment.module.transport) { [self] in add(.module($0)) }
        )
        tapped.relay = RecordedRelay(transport: environment.relay) { [self] in add(.relay($0)) }
        tapped.random = { [self] count throws(CryptographyError) in
            let bytes = try environment.random(count)
            state.withLock { if !$0.isDone { $0.current.random.append(bytes) } }
            return bytes
        }
        tapped.makeRecipientKey = { [self] () throws(CryptographyError) in
            let key = try environment.makeRecipientKey()
            let pkcs8 = try key.pkcs8().withBytes { $0.bytes }
            state.withLock { if !$0.isDone { $0.keys.append((key.publicKey.spki, pkcs8)) } }
            return key
        }
        tapped.issueTLSIdentity = { [self] request throws(CryptographyError) in
            let identity = try environment.issueTLSIdentity(request)
            let key = try identity.key.pkcs8().withBytes { $0.bytes }
            let issued = UnlockRecording.IssuedTLSIdentity(key: key, certificate: identity.certificate.der)
            state.withLock { $0.current.tlsIdentity = issued }
            return identity
        }
        tapped.entered = { [self] next in
            environment.entered(next)
            entered(next, environment)
        }
        return tapped
    }

    private func add(_ exchange: UnlockRecording.Exchange) {
        state.withLock { state in
            guard !state.isDone else { return }
            // A host that has no configuration yet, or that does not say whether it stored a keyring, is asked the same
            // again and again: the last answer is the one that counts.
            if case .relay(let asked) = exchange, asked.isRepeated {
                state.current.exchanges.removeAll { earlier in
                    if case .relay(let earlier) = earlier { earlier.isSame(as: asked) } else { false }
                }
            }
            state.current.exchanges.append(exchange)
        }
    }

    private func entered(_ next: EnclaveState, _ environment: BootEnvironment) {
        if case .configured(_, nil) = next {
            return state.withLock { state in
                state.boot = state.current
                state.current = Part()
            }
        }
        let (bootID, number, recording) = state.withLock { state in
            state.tries += 1
            let exchanges = (state.boot?.exchanges ?? []) + state.current.exchanges
            let random = (state.boot?.random ?? []) + state.current.random
            let recording = UnlockRecording(
                producer: producer,
                isSimulatedModule: environment.isSimulatedModule,
                imageConfiguration: environment.configuration,
                exchanges: exchanges,
                random: random,
                unlockKey: Self.takeKey(of: exchanges, from: &state.keys),
                tlsIdentity: state.current.tlsIdentity,
                outcome: UnlockRecording.Outcome(next)
            )
            state.current = Part()
            if case .configured = next {
            } else {
                state.isDone = true
                state.keys = []
            }
            return (random.first ?? [], state.tries, recording)
        }
        sink(bootID, number, recording)
    }

    /// The key that stands in a request for a document; those made before it are used up.
    private static func takeKey(
        of exchanges: [UnlockRecording.Exchange],
        from keys: inout [(spki: [UInt8], pkcs8: [UInt8])]
    ) -> [UInt8]? {
        let index = keys.firstIndex { key in
            exchanges.contains { exchange in
                if case .module(let exchange) = exchange { exchange.request.contains(key.spki) } else { false }
            }
        }
        guard let index else { return nil }
        let key = keys[index].pkcs8
        keys.removeFirst(index + 1)
        return key
    }
}

extension RawSpan {
    /// A copy.
    var bytes: [UInt8] { (0..<byteCount).map { unsafe unsafeLoad(fromByteOffset: $0, as: UInt8.self) } }
}
