// SPDX-License-Identifier: Apache-2.0

import Encoding
package import NIOCore
import NIOHTTP1
package import Transport

/// For whoever looks after the host: is it alive, does the broker serve, what did it do. On an address of its own, and
/// nothing there changes anything.
package final class AdminServer: Sendable {
    private let server: HTTPServer

    private init(_ server: HTTPServer) { self.server = server }

    /// Where it listens.
    package var endpoint: Endpoint { server.endpoint }

    /// Binds and serves.
    ///
    /// - Parameters:
    ///   - endpoint: Where.
    ///   - group: Event loops.
    ///   - readiness: Whether the broker serves.
    ///   - metrics: The page of `/metrics`.
    /// - Returns: What listens.
    /// - Throws: ``ListenerError``.
    package static func start(
        on endpoint: Endpoint,
        group: any EventLoopGroup,
        readiness: Readiness,
        metrics: @escaping @Sendable () -> String
    ) async throws -> AdminServer {
        let routes = AdminRoutes(readiness: readiness, metrics: metrics)
        return AdminServer(
            try await HTTPServer.start(on: endpoint, group: group, limits: AdminLimits.server) {
                routes.answer($0, on: $1)
            }
        )
    }

    package func shutdown() async { await server.shutdown(grace: AdminLimits.shutdownGrace) }
}

/// Nothing here needs more.
enum AdminLimits {
    static let server = HTTPLimits(bodyLength: 0, headerBytes: 8192, connections: 64)
    static let shutdownGrace = TimeAmount.seconds(1)
}

private struct AdminRoutes: Sendable {
    let readiness: Readiness
    let metrics: @Sendable () -> String

    func answer(_ request: HTTPRequest, on loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        // Prometheus and load balancers may add a query; it means nothing here.
        let path = request.target.prefix { $0 != "?" }
        guard ["/health", "/ready", "/metrics"].contains(path) else {
            return loop.makeSucceededFuture(HTTPResponse(status: .notFound))
        }
        guard request.method == .GET || request.method == .HEAD else {
            return loop.makeSucceededFuture(HTTPResponse(status: .methodNotAllowed, headers: ["Allow": "GET, HEAD"]))
        }
        switch path {
        case "/health":
            return loop.makeSucceededFuture(
                Self.json(.ok, ["status": "ok", "version": .string(hostVersion)])
            )
        case "/ready":
            return loop.makeFutureWithTask { [readiness] in
                let verdict = await readiness.verdict()
                return Self.json(verdict.isReady ? .ok : .serviceUnavailable, verdict.json)
            }
        default:
            return loop.makeSucceededFuture(
                HTTPResponse(
                    status: .ok,
                    headers: ["Content-Type": PrometheusText.contentType],
                    body: ByteBuffer(string: metrics())
                )
            )
        }
    }

    private static func json(_ status: HTTPResponseStatus, _ value: JSON) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: ["Content-Type": "application/json", "Cache-Control": "no-store"],
            body: ByteBuffer(bytes: value.serialized())
        )
    }
}
