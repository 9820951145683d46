// SPDX-License-Identifier: Apache-2.0

import Cryptography
import EnclaveCore
import Encoding
import NIOHTTP1
import SecurityModule
import Synchronization
import Transport

/// Goes through a recorded boot again, offline, by the code with which an enclave boots.
///
/// The boot must ask for exactly what it asked for when it was recorded, byte by byte and in the same order, and is given
/// the recorded answers.
package enum UnlockReplay: Sendable {
    package struct Report: Sendable, Equatable {
        /// Where the boot ended this time.
        package var outcome: UnlockRecording.Outcome
        /// The first thing that went another way than recorded: one line.
        package var divergence: String?
        /// Lines of the enclave's log.
        package var log: [String]

        /// Whether all went as expected.
        package func isSame(as expected: UnlockRecording.Outcome) -> Bool {
            divergence == nil && outcome.isSame(as: expected)
        }
    }

    package static func run(_ recording: UnlockRecording) async -> Report {
        let tape = ReplayTape(recording)
        let environment = BootEnvironment(
            module: SecurityModule(ReplayedModule(tape: tape)),
            isSimulatedModule: recording.isSimulatedModule,
            configuration: recording.imageConfiguration,
            relay: ReplayedRelay(tape: tape),
            random: { count throws(CryptographyError) in try tape.random(count) },
            makeRecipientKey: { () throws(CryptographyError) in
                guard let key = recording.unlockKey else { throw CryptographyError(.malformedKey) }
                return try PrivateKey(pkcs8: try SecretBytes(copying: key))
            },
            issueTLSIdentity: { request throws(CryptographyError) in
                try tape.tlsIdentity(request, recording.tlsIdentity)
            },
            // Recorded bytes are nobody's entropy.
            addEntropy: { _ in true },
            retry: .never
        )
        let lines = LineCollector()
        let state = await LoneBoot.run(environment, log: EnclaveLog { lines.append($0) })
        return Report(outcome: UnlockRecording.Outcome(state), divergence: tape.divergence, log: lines.all)
    }
}

/// The recording as it is played.
private final class ReplayTape: Sendable {
    private struct State {
        var exchanges: ArraySlice<UnlockRecording.Exchange>
        var random: ArraySlice<[UInt8]>
        var made = 0
        var divergence: String?
    }

    private let state: Mutex<State>

    init(_ recording: UnlockRecording) {
        state = Mutex(State(exchanges: recording.exchanges[...], random: recording.random[...]))
    }

    /// The first divergence; what is left over is one too.
    var divergence: String? {
        state.withLock { state in
            if let divergence = state.divergence { return divergence }
            if !state.exchanges.isEmpty { return "ended after \(state.made) exchanges, \(state.exchanges.count) early" }
            if !state.random.isEmpty { return "drew \(state.random.count) random values less than recorded" }
            return nil
        }
    }

    /// The next exchange, if it is one that `matches`; nil for this one and all after it otherwise.
    func next<Answer: Sendable>(_ asked: String, _ matches: (UnlockRecording.Exchange) -> Answer?) -> Answer? {
        state.withLock { state in
            guard state.divergence == nil else { return nil }
            let place = "exchange \(state.made + 1)"
            guard let recorded = state.exchanges.popFirst() else {
                state.divergence = "\(place), \(asked), is not in the recording"
                return nil
            }
            guard let answer = matches(recorded) else {
                state.divergence = "\(place) is \(asked), and differs from the recorded \(recorded.label)"
                return nil
            }
            state.made += 1
            return answer
        }
    }

    /// Notes what went another way, if nothing did before.
    ///
    /// - Returns: What ends the boot.
    func diverge(_ reason: String) -> CryptographyError {
        state.withLock { $0.divergence = $0.divergence ?? reason }
        return CryptographyError(.libraryFailure)
    }

    func random(_ count: Int) throws(CryptographyError) -> [UInt8] {
        let bytes: [UInt8]? = state.withLock { state in
            guard state.divergence == nil, let next = state.random.popFirst(), next.count == count else {
                state.divergence = state.divergence ?? "a random value of \(count) bytes is not the recorded next one"
                return nil
            }
            return next
        }
        guard let bytes else { throw CryptographyError(.libraryFailure) }
        return bytes
    }
}

extension ReplayTape {
    /// The identity that was issued then, if it is what would be issued now but for chance: its key, its serial number and
    /// the signature.
    fileprivate func tlsIdentity(_ request: TLSIdentity.Request, _ recorded: UnlockRecording.IssuedTLSIdentity?)
        throws(CryptographyError) -> TLSIdentity
    {
        guard let recorded else { throw diverge("a TLS identity is issued, and none is in the recording") }
        let key: PrivateKey
        let identity: TLSIdentity
        let serialNumber: [UInt8]
        do {
            key = try PrivateKey(pkcs8: try SecretBytes(copying: recorded.key))
            identity = try TLSIdentity(key: key, certificate: recorded.certificate)
            serialNumber = try Hex.decode(identity.certificate.serialNumber)
        } catch {
            throw diverge("the recorded TLS identity is no key with its certificate")
        }
        var again = request
        again.key = request.key ?? key
        let now = try TLSIdentity.issue(again) { _ in serialNumber }
        guard now.certificate.toBeSigned == identity.certificate.toBeSigned else {
            throw diverge("the TLS certificate that is issued says something else than the recorded one")
        }
        return identity
    }
}

private struct ReplayedModule: SecurityModuleTransport {
    let tape: ReplayTape

    func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
        let answer = tape.next("module \(ModuleRequest.name(request))") { recorded in
            if case .module(let exchange) = recorded, exchange.request == request { exchange.answer } else { nil }
        }
        guard let answer else { throw .unavailable(errno: 0) }
        return try answer.get()
    }
}

private struct ReplayedRelay: RelayTransport {
    let tape: ReplayTape

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        let answer = tape.next("relay \(request.method.rawValue) \(request.target)") { recorded in
            if case .relay(let exchange) = recorded, exchange.isAsked(by: request) { exchange.answer } else { nil }
        }
        guard let answer else { throw .unreachable("not in the recording") }
        return try answer.get()
    }
}

private final class LineCollector: Sendable {
    private let lines = Mutex<[String]>([])

    func append(_ line: [UInt8]) {
        lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
    }

    var all: [String] { lines.withLock { $0 } }
}
