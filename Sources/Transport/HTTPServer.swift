// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import NIOHTTP1

/// An HTTP/1.1 server: keep-alive, pipelining answered in order, bounded, malformed input answered with 400 and closed.
package final class HTTPServer: Sendable {
    /// Answers one request, on the connection's event loop: return a made future for what is quick, or complete it from
    /// elsewhere for what is not. Never throws: every failure is a response. A future that fails all the same is
    /// answered with 500.
    package typealias Handler = @Sendable (HTTPRequest, any EventLoop) -> EventLoopFuture<HTTPResponse>

    /// Makes the handlers that stand before HTTP on a new connection, on its event loop. One of them that ends TLS
    /// fires ``TransportSecured`` once the handshake is done.
    package typealias Prelude = @Sendable (any Channel) throws -> [any ChannelHandler]

    private let listener: Listener

    private init(listener: Listener) { self.listener = listener }

    /// Binds `endpoint` and serves.
    ///
    /// - Throws: ``ListenerError``.
    package static func start(
        on endpoint: Endpoint,
        group: any EventLoopGroup,
        limits: HTTPLimits,
        prelude: @escaping Prelude = { _ in [] },
        handler: @escaping Handler
    ) async throws -> HTTPServer {
        HTTPDecoders.prepare()
        let listener = try await Listener.bind(
            endpoint,
            group: group,
            maximumConnections: limits.connections
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                let connection = HTTPServerConnection(limits: limits, handler: handler)
                try channel.pipeline.syncOperations.addHandlers(prelude(channel))
                try channel.pipeline.syncOperations.addHandlers([
                    HTTPServerInlet(connection),
                    HTTPDecoders.request(limits),
                    connection,
                ])
            }
        }
        return HTTPServer(listener: listener)
    }

    /// Where it listens; the port is the real one where 0 was asked.
    package var endpoint: Endpoint { listener.endpoint }

    /// Connections open now.
    package var connectionCount: Int { listener.connectionCount }

    /// Stops listening, lets requests under way finish for at most `grace`, closes.
    package func shutdown(grace: TimeAmount) async { await listener.shutdown(grace: grace) }
}

/// Fired through the pipeline of a server's connection: what follows comes out of TLS that ends in this process.
package struct TransportSecured: Sendable {
    package init() {}
}
