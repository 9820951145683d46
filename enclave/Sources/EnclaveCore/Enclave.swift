// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import Encoding
import NIOCore
package import NIOPosix
import SecurityModule
package import Transport

/// The enclave: boots, unlocks and serves. One for each process.
package final class Enclave: Sendable {
    private let state: StateCell
    private let server: HTTPServer
    private let relay: RelayConnections
    private let threads: NIOThreadPool
    private let writer: KeyringWriter
    private let tasks: [Task<Void, Never>]

    /// Starts: entropy, clock, listener; then goes on by itself to configuration, unlock and service.
    ///
    /// - Parameters:
    ///   - environment: What is around it.
    ///   - group: Event loops of its connections.
    ///   - log: Its log; the relay gets the lines too.
    /// - Throws: ``TerminalFailure`` without a security module; the listener's error.
    package init(_ environment: EnclaveEnvironment, group: MultiThreadedEventLoopGroup, log: EnclaveLog) async throws {
        let relay = RelayConnections(environment.relay, group: group)
        let bootEnvironment = environment.tap(BootEnvironment(environment, relay: relay.requests))
        let started = try Started.start(bootEnvironment, log: log)
        let threads = NIOThreadPool(numberOfThreads: System.coreCount)
        threads.start()
        // The slowest step by far needs nothing of the others but entropy.
        let recipientKeys = RecipientKeys(threads: threads, make: bootEnvironment.makeRecipientKey)
        await recipientKeys.prepare()
        let clock: TrustedClock
        do {
            clock = try TrustedClock(module: environment.module, bootTime: environment.bootTime)
        } catch {
            try? await threads.shutdownGracefully()
            throw TerminalFailure(.securityModule, "no time: \(error)")
        }
        let state = StateCell(.started(started))
        let deferred = DeferredWork(threads: threads)
        let writer = KeyringWriter(
            state: state,
            clock: clock,
            threads: threads,
            patience: environment.changePatience,
            repeatPause: environment.repeatPause,
            log: log
        )
        let desk = AttestationDesk(module: environment.module)
        let gate = RequestGate(log: log)
        let metrics = RequestMetrics()
        let router = Router(
            state: state,
            service: ServiceEndpoint(
                clock: clock,
                deferred: deferred,
                gate: gate,
                operations: BrokerOperations(desk: desk),
                writer: writer,
                metrics: metrics
            ),
            publicEndpoints: PublicEndpoints(deferred: deferred, desk: desk, gate: gate, clock: clock)
        )
        do {
            server = try await HTTPServer.start(
                on: environment.listen,
                group: group,
                limits: EnclaveLimits.server,
                prelude: { _ in [IngressGate { state.current.ingressProtocol }] },
                handler: { router.answer($0, on: $1) }
            )
        } catch {
            try? await threads.shutdownGracefully()
            throw error
        }
        let boot = BootSequence(environment: bootEnvironment, recipientKeys: recipientKeys, state: state, log: log)
        log.info("started", [("listen", .string(server.endpoint.description))])
        self.state = state
        self.relay = relay
        self.threads = threads
        self.writer = writer
        tasks = [
            Task { await boot.run(started) },
            Task { for await line in log.lines where !(await relay.log(line)) { log.unsent(line) } },
            Task { await Self.keepTime(clock, every: environment.clockInterval, threads, log) },
            Task { [server] in
                let report = EnclaveReporter(bootID: started.bootID, state: state, metrics: metrics, gate: gate) {
                    server.connectionCount
                }
                await report.run(every: environment.reportInterval, to: relay)
            },
        ]
    }

    /// Where it is on its way.
    package var currentState: EnclaveState { state.current }

    /// Where it listens; the port is the real one where 0 was asked.
    package var endpoint: Endpoint { server.endpoint }

    /// Lets requests under way finish, and ends.
    package func shutdown() async {
        for task in tasks { task.cancel() }
        await server.shutdown(grace: EnclaveLimits.shutdownGrace)
        await writer.stop()
        await relay.close()
        await writer.ended()
        for task in tasks { await task.value }
        try? await threads.shutdownGracefully()
    }

    /// Asks the module for its time again and again; a failure leaves the last.
    private static func keepTime(
        _ clock: TrustedClock,
        every interval: Duration,
        _ threads: NIOThreadPool,
        _ log: EnclaveLog
    ) async {
        while (try? await Task.sleep(for: interval)) != nil {
            do {
                try await threads.runIfActive { try clock.reanchor() }
            } catch {
                log.warning("the module's time was not read: the clock runs on from the last")
            }
        }
    }
}
