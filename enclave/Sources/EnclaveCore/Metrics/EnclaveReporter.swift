// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import Keyring
import NIOCore

/// Tells the relay again and again what the enclave counts (``EnclaveReport``). Best effort: what a host does not take is
/// in the next report.
///
/// The host reads it. So there is nothing of a principal, a key or a request in it, and it goes out by the clock, not by
/// what happens.
struct EnclaveReporter: Sendable {
    let bootID: [UInt8]
    let state: StateCell
    let metrics: RequestMetrics
    let gate: RequestGate
    let connectionCount: @Sendable () -> Int
    private let start = NIODeadline.now()

    init(
        bootID: [UInt8],
        state: StateCell,
        metrics: RequestMetrics,
        gate: RequestGate,
        connectionCount: @escaping @Sendable () -> Int
    ) {
        self.bootID = bootID
        self.state = state
        self.metrics = metrics
        self.gate = gate
        self.connectionCount = connectionCount
    }

    /// A tenth of the interval between the first two reports, then twice as long until it is the interval: so that a
    /// start shows soon.
    func run(every interval: Duration, to relay: RelayConnections) async {
        var pause = interval / 20
        repeat {
            await relay.report(JSON.object(report).serialized())
            pause = min(interval, pause * 2)
        } while (try? await Task.sleep(for: pause)) != nil
    }

    private var report: JSONObject {
        let state = state.current
        var report = JSONObject([
            ("format", Self.number(EnclaveReport.format)),
            (EnclaveReport.version, .string(productVersion)),
            (EnclaveReport.bootID, .string(Hex.encode(bootID))),
            (EnclaveReport.state, .string(state.name)),
            (EnclaveReport.uptimeSeconds, Self.number((NIODeadline.now() - start).nanoseconds / 1_000_000_000)),
            (EnclaveReport.connections, Self.number(Int64(connectionCount()))),
            (EnclaveReport.signatures, Self.number(gate.signatureCount)),
            (EnclaveReport.repeatedRequests, Self.number(gate.repeatedCount)),
            (
                EnclaveReport.bucketMicroseconds,
                .array(OperationCounters.bounds.indices.map { Self.number(OperationCounters.bounds[$0]) })
            ),
            (EnclaveReport.requests, metrics.report),
        ])
        if case .unlocked(let unlocked) = state {
            report[EnclaveReport.keyringVersion] = Self.number(Int64(clamping: unlocked.header.version))
        }
        return report
    }

    private static func number(_ value: Int64) -> JSON { .number(JSONNumber(value)) }
}
