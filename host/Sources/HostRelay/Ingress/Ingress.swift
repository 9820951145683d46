// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import Synchronization
package import Transport

/// The clients' way in: each connection on which a request begins becomes one to the enclave, bytes untouched. Nothing is
/// understood here but where a first message ends.
package final class Ingress: Sendable {
    private let listener: Listener
    private let register: ClientRegister

    private init(_ listener: Listener, _ register: ClientRegister) {
        self.listener = listener
        self.register = register
    }

    /// Where it listens; the port is the real one where 0 was asked.
    package var endpoint: Endpoint { listener.endpoint }

    /// Connections of clients open now.
    package var connectionCount: Int { listener.connectionCount }

    /// Clients open now that have not asked for anything, and those that have a connection to the enclave.
    package var counts: (waiting: Int, forwarded: Int) { register.counts }

    /// Binds and forwards to `enclave`; while that is not reachable, clients are turned away.
    ///
    /// - Parameters:
    ///   - endpoint: Where clients connect.
    ///   - inherited: A listening socket that somebody else has bound there; it is owned by this from now on.
    ///   - enclave: Where their connections go.
    ///   - group: Event loops.
    ///   - logger: For what is not as it should be.
    ///   - limits: What it bears; see ``update(_:)``.
    ///   - metrics: What it counts.
    /// - Returns: What listens.
    /// - Throws: ``ListenerError``.
    package static func start(
        on endpoint: Endpoint,
        inherited: CInt? = nil,
        to enclave: EnclaveAddress,
        group: any EventLoopGroup,
        logger: Logger,
        limits: IngressLimits = .standard,
        metrics: HostMetrics = HostMetrics()
    ) async throws -> Ingress {
        let register = ClientRegister(limits, metrics: metrics)
        let path = EnclavePath(enclave: enclave, register: register, metrics: metrics, logger: logger)
        let listener = try await Listener.bind(
            endpoint,
            inherited: inherited,
            group: group,
            maximumConnections: .max  // the register bounds them
        ) { client in
            guard let ticket = register.admit(client) else {
                return client.eventLoop.makeFailedFuture(ListenerError.unusable("too many connections"))
            }
            return client.eventLoop.makeCompletedFuture {
                let door = IngressDoor(openingTime: register.limits.openingTime, metrics: metrics) {
                    path.connect($0, $1, ticket)
                }
                try client.pipeline.syncOperations.addHandler(door)
            }
        }
        return Ingress(listener, register)
    }

    /// For clients that come from now on; nobody who is there is closed.
    package func update(_ limits: IngressLimits) { register.update(limits) }

    /// Accepts no more; open connections go on until the enclave ends them.
    package func stopListening() async { await listener.stopListening() }

    /// Accepts no more, lets connections under way end, closes.
    package func shutdown() async { await listener.shutdown(grace: IngressLimits.shutdownGrace) }
}

/// From a client that has something to say to the enclave.
private struct EnclavePath: Sendable {
    let enclave: EnclaveAddress
    let register: ClientRegister
    let metrics: HostMetrics
    let logger: Logger
    private let complaints = RareEvent()

    init(enclave: EnclaveAddress, register: ClientRegister, metrics: HostMetrics, logger: Logger) {
        self.enclave = enclave
        self.register = register
        self.metrics = metrics
        self.logger = logger
    }

    /// Connects and lets the client through, or turns it away. On the client's event loop.
    func connect(_ door: IngressDoor, _ client: any Channel, _ ticket: ClientRegister.Ticket) {
        guard let enclave = enclave.current else {
            metrics.clientFoundNoEnclave()
            complain("no enclave runs")
            return door.turnAway()
        }
        let activity = SpliceActivity()
        guard register.forward(ticket, activity) else {
            complain("too many connections")
            return door.turnAway()
        }
        let loop = client.eventLoop
        let (near, far) = SpliceHandler.pair(activity)
        let bound = NIOLoopBound((door, near, far), eventLoop: loop)
        Connector.connect(to: enclave, group: loop, timeout: IngressLimits.connectTimeout) { channel in
            channel.setOption(.autoRead, value: false).flatMapThrowing {
                try channel.pipeline.syncOperations.addHandler(bound.value.2)
            }
        }.whenComplete { [register] result in
            let (door, near, _) = bound.value
            switch result {
            case .success(let channel):
                channel.closeFuture.whenComplete { _ in register.releaseEnclave() }
                channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
                // The client may have gone in the meantime.
                guard client.isActive else { return channel.close(promise: nil) }
                door.letThrough(to: near)
            case .failure(let error):
                register.releaseEnclave()
                metrics.clientFoundNoEnclave()
                complain(Connector.reason(of: error))
                door.turnAway()
            }
        }
    }

    private func complain(_ reason: String) {
        complaints.happened { count in
            logger.warning("enclave unreachable", metadata: ["reason": "\(reason)", "connections": "\(count)"])
        }
    }
}
