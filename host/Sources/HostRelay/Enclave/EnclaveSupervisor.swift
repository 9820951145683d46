// SPDX-License-Identifier: Apache-2.0

import KeyringFiles
package import Logging
import ServiceLifecycle

/// Delays between restarts: doubling up to a limit, each somewhere between half of it and all of it, so that many hosts
/// do not start at the same moment. After a run of some length the first delay counts again.
package struct RestartDelays: Sendable {
    package var first: Duration
    package var longest: Duration
    /// A run of at least this length was healthy.
    package var healthy: Duration

    package init(
        first: Duration = .milliseconds(500),
        longest: Duration = .seconds(30),
        healthy: Duration = .seconds(60)
    ) {
        self.first = first
        self.longest = longest
        self.healthy = healthy
    }

    /// The delay before start number `failures` after as many short runs in a row (1 and up).
    func delay(after failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        // 2^20 times anything sensible is beyond any limit.
        let doublings = min(max(failures - 1, 0), 20)
        let full = min(first * (1 << doublings), longest)
        return full * Double.random(in: 0.5...1, using: &generator)
    }
}

/// Keeps the enclave running, until it is told to stop.
package struct EnclaveSupervisor: Service {
    /// From SIGTERM to SIGKILL.
    package static let grace = Duration.seconds(8)

    private let launcher: any EnclaveLauncher
    private let delays: RestartDelays
    private let status: EnclaveStatusFile?
    private let liveness: Liveness?
    private let metrics: HostMetrics?
    private let logger: Logger

    /// - Parameters:
    ///   - launcher: Starts it.
    ///   - delays: Between its end and its next start.
    ///   - status: Where it is written what runs.
    ///   - liveness: Whether it hangs; nil: nobody asks.
    ///   - metrics: Counts its starts.
    ///   - logger: Is told of each start and end.
    package init(
        _ launcher: any EnclaveLauncher,
        delays: RestartDelays = RestartDelays(),
        status: EnclaveStatusFile? = nil,
        liveness: Liveness? = nil,
        metrics: HostMetrics? = nil,
        logger: Logger
    ) {
        self.launcher = launcher
        self.delays = delays
        self.status = status
        self.liveness = liveness
        self.metrics = metrics
        self.logger = logger
    }

    package func run() async throws {
        var generator = SystemRandomNumberGenerator()
        var failures = 0
        var starts = 0
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            let start = ContinuousClock.now
            let reason = await runOnce(&starts)
            let isStopping = Task.isShuttingDownGracefully || Task.isCancelled
            publish(.down(reason: isStopping ? "stopped" : reason), starts)
            if isStopping { break }
            failures = ContinuousClock.now - start >= delays.healthy ? 1 : failures + 1
            let delay = delays.delay(after: failures, using: &generator)
            logger.error(
                "enclave down",
                metadata: [
                    "reason": "\(reason)", "restartInMilliseconds": "\(Int(delay / .milliseconds(1)))",
                    "failures": "\(failures)",
                ]
            )
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: delay) }
        }
    }

    /// Why it ended, or did not start.
    private func runOnce(_ starts: inout Int) async -> String {
        let enclave: any RunningEnclave
        do {
            enclave = try await launcher.launch()
        } catch {
            return error.description
        }
        if !enclave.wasRunning {
            starts += 1
            metrics?.enclaveStarted()
            logger.info("enclave started", metadata: enclave.facts)
        }
        publish(.running(enclave.facts.mapValues(\.description)), starts)
        let hang = Task { await ended(byHanging: enclave) }
        let result = await withTaskCancellationOrGracefulShutdownHandler {
            await enclave.ended()
        } onCancelOrGracefulShutdown: {
            enclave.stop()
        }
        hang.cancel()
        logger.info("enclave ended", metadata: enclave.facts.merging(["result": "\(result)"]) { $1 })
        return await hang.value ?? result
    }

    /// Ends an enclave that hangs, and says why; nil once the task is cancelled.
    private func ended(byHanging enclave: any RunningEnclave) async -> String? {
        guard let reason = await liveness?.hang() else { return nil }
        logger.error("enclave hangs", metadata: enclave.facts.merging(["reason": "\(reason)"]) { $1 })
        enclave.stop(atOnce: true)
        return "it hung: \(reason)"
    }

    private func publish(_ state: EnclaveStatus.State, _ starts: Int) {
        guard let status else { return }
        do {
            try status.write(EnclaveStatus(state: state, starts: starts, since: wallClock()))
        } catch {
            logger.error("enclave status not written", metadata: ["reason": "\(error.description)"])
        }
    }
}
