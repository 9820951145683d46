// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import Synchronization
package import Transport

/// The clients' way in: each connection becomes one to the enclave, bytes untouched. Nothing is parsed here.
package final class Ingress: Sendable {
    /// Connections at one time; more are closed as soon as they are accepted. The enclave has a bound of its own.
    package static let maximumConnections = 1024
    /// The enclave is on the same machine: what takes longer is not coming.
    static let connectTimeout = TimeAmount.seconds(5)
    /// Connections under way get this long when the host stops.
    static let shutdownGrace = TimeAmount.seconds(5)

    private let listener: Listener

    private init(_ listener: Listener) { self.listener = listener }

    /// Where it listens; the port is the real one where 0 was asked.
    package var endpoint: Endpoint { listener.endpoint }

    /// Connections open now.
    package var connectionCount: Int { listener.connectionCount }

    /// Binds and forwards to `enclave`; while that is not reachable, connections are closed.
    ///
    /// - Throws: ``ListenerError``.
    package static func start(
        on endpoint: Endpoint,
        to enclave: Endpoint,
        group: any EventLoopGroup,
        logger: Logger,
        maximumConnections: Int = Ingress.maximumConnections
    ) async throws -> Ingress {
        let complaints = RareEvent()
        let listener = try await Listener.bind(endpoint, group: group, maximumConnections: maximumConnections) {
            client in
            let loop = client.eventLoop
            // Nothing is read before there is someone to give it to.
            return client.setOption(.autoRead, value: false).flatMap {
                let (near, far) = SpliceHandler.pair()
                let bound = NIOLoopBound((near, far), eventLoop: loop)
                return loop.makeCompletedFuture { try client.pipeline.syncOperations.addHandler(bound.value.0) }.map {
                    Connector.connect(to: enclave, group: loop, timeout: connectTimeout) { channel in
                        channel.setOption(.autoRead, value: false).flatMapThrowing {
                            try channel.pipeline.syncOperations.addHandler(bound.value.1)
                        }
                    }.whenComplete { result in
                        switch result {
                        case .success(let channel):
                            channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
                            client.setOption(.autoRead, value: true).whenFailure { _ in client.close(promise: nil) }
                        case .failure(let error):
                            complaints.happened { count in
                                logger.warning(
                                    "enclave unreachable",
                                    metadata: [
                                        "reason": "\(Connector.reason(of: error))", "connections": "\(count)",
                                    ]
                                )
                            }
                            client.close(promise: nil)
                        }
                    }
                }
            }
        }
        return Ingress(listener)
    }

    /// Accepts no more; open connections go on until the enclave ends them.
    package func stopListening() async { await listener.stopListening() }

    /// Accepts no more, lets connections under way end, closes.
    package func shutdown() async { await listener.shutdown(grace: Self.shutdownGrace) }
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
