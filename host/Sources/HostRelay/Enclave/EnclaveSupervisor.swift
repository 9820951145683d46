// SPDX-License-Identifier: Apache-2.0

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

/// Keeps the enclave program running, until it is told to stop.
package struct EnclaveSupervisor: Service {
    /// From SIGTERM to SIGKILL.
    package static let grace = Duration.seconds(8)

    private let executable: String
    private let arguments: [String]
    private let delays: RestartDelays
    private let grace: Duration
    private let logger: Logger

    package init(
        executable: String,
        arguments: [String],
        delays: RestartDelays = RestartDelays(),
        grace: Duration = EnclaveSupervisor.grace,
        logger: Logger
    ) {
        self.executable = executable
        self.arguments = arguments
        self.delays = delays
        self.grace = grace
        self.logger = logger
    }

    package func run() async throws {
        var generator = SystemRandomNumberGenerator()
        var failures = 0
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            let start = ContinuousClock.now
            let reason = await runOnce()
            if Task.isShuttingDownGracefully || Task.isCancelled { break }
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
    private func runOnce() async -> String {
        let process: EnclaveProcess
        do {
            process = try await EnclaveProcess.start(executable, arguments)
        } catch {
            return error.description
        }
        logger.info("enclave started", metadata: ["pid": "\(process.processID)"])
        let exit = await withTaskCancellationOrGracefulShutdownHandler {
            await process.exit()
        } onCancelOrGracefulShutdown: {
            process.signal(15)
            Task.detached {
                try? await Task.sleep(for: grace)
                process.signal(9)
            }
        }
        logger.info("enclave ended", metadata: ["pid": "\(process.processID)", "result": "\(exit)"])
        return exit.description
    }
}
