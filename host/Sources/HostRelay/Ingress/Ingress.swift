// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import Synchronization
package import Transport

/// The clients' way in: each connection on which a request begins becomes one to the enclave, bytes untouched. Nothing is
/// understood here but where a first message ends.
package final class Ingress: Sendable {
    private let listener: Listener

    private init(_ listener: Listener) { self.listener = listener }

    /// Where it listens; the port is the real one where 0 was asked.
    package var endpoint: Endpoint { listener.endpoint }

    /// Connections of clients open now.
    package var connectionCount: Int { listener.connectionCount }

    /// Binds and forwards to `enclave`; while that is not reachable, connections are closed.
    ///
    /// - Throws: ``ListenerError``.
    package static func start(
        on endpoint: Endpoint,
        to enclave: EnclaveAddress,
        group: any EventLoopGroup,
        logger: Logger,
        limits: IngressLimits = .standard
    ) async throws -> Ingress {
        let path = EnclavePath(enclave: enclave, budget: ConnectionBudget(limits), logger: logger)
        let listener = try await Listener.bind(endpoint, group: group, maximumConnections: limits.connections) {
            client in
            guard path.budget.admit(client) else {
                return client.eventLoop.makeFailedFuture(ListenerError.unusable("too many connections of one address"))
            }
            return client.eventLoop.makeCompletedFuture {
                let door = IngressDoor(openingTime: limits.openingTime) { path.connect($0, $1) }
                try client.pipeline.syncOperations.addHandler(door)
            }
        }
        return Ingress(listener)
    }

    /// Accepts no more; open connections go on until the enclave ends them.
    package func stopListening() async { await listener.stopListening() }

    /// Accepts no more, lets connections under way end, closes.
    package func shutdown() async { await listener.shutdown(grace: IngressLimits.shutdownGrace) }
}

/// From a client that has something to say to the enclave.
private struct EnclavePath: Sendable {
    let enclave: EnclaveAddress
    let budget: ConnectionBudget
    let logger: Logger
    private let complaints = RareEvent()

    init(enclave: EnclaveAddress, budget: ConnectionBudget, logger: Logger) {
        self.enclave = enclave
        self.budget = budget
        self.logger = logger
    }

    /// Connects and lets the client through, or closes it. On the client's event loop.
    func connect(_ door: IngressDoor, _ client: any Channel) {
        guard let enclave = enclave.current else {
            complain("no enclave runs")
            return client.close(promise: nil)
        }
        guard budget.admitToEnclave() else {
            complain("too many connections")
            return client.close(promise: nil)
        }
        let loop = client.eventLoop
        let (near, far) = SpliceHandler.pair()
        let bound = NIOLoopBound((door, near, far), eventLoop: loop)
        Connector.connect(to: enclave, group: loop, timeout: IngressLimits.connectTimeout) { channel in
            channel.setOption(.autoRead, value: false).flatMapThrowing {
                try channel.pipeline.syncOperations.addHandler(bound.value.2)
            }
        }.whenComplete { result in
            switch result {
            case .success(let channel):
                channel.closeFuture.whenComplete { _ in budget.releaseEnclave() }
                channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
                let (door, near, _) = bound.value
                // The client may have gone in the meantime.
                guard client.isActive else { return channel.close(promise: nil) }
                door.letThrough(to: near)
            case .failure(let error):
                budget.releaseEnclave()
                complain(Connector.reason(of: error))
                client.close(promise: nil)
            }
        }
    }

    private func complain(_ reason: String) {
        complaints.happened { count in
            logger.warning("enclave unreachable", metadata: ["reason": "\(reason)", "connections": "\(count)"])
        }
    }
}

/// Something that outsiders can make happen as often as they like, and that is reported once a second at most.
private final class RareEvent: Sendable {
    private struct State {
        var count = 0
        var reported: NIODeadline?
    }

    private let state = Mutex(State())

    func happened(_ report: (_ count: Int) -> Void) {
        let count: Int? = state.withLock { state in
            state.count += 1
            let now = NIODeadline.now()
            if let reported = state.reported, now - reported < .seconds(1) { return nil }
            state.reported = now
            defer { state.count = 0 }
            return state.count
        }
        if let count { report(count) }
    }
}
