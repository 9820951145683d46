// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing
import Transport

/// A server for one test: echoes bodies; `/slow` answers after 500 ms, `/never` not at all.
func withServer(
    on endpoint: Endpoint = .tcp(host: "127.0.0.1", port: 0),
    limits: HTTPLimits = HTTPLimits(bodyLength: 1024),
    handler: @escaping HTTPServer.Handler = echo,
    _ body: (HTTPServer, Int) async throws -> Void
) async throws {
    let server = try await HTTPServer.start(
        on: endpoint,
        group: MultiThreadedEventLoopGroup.singleton,
        limits: limits,
        handler: handler
    )
    var port = 0
    if case .tcp(_, let actual) = server.endpoint { port = actual }
    do {
        try await body(server, port)
    } catch {
        await server.shutdown(grace: .zero)
        throw error
    }
    await server.shutdown(grace: .zero)
}

let echo: HTTPServer.Handler = { request, loop in
    let response = HTTPResponse(
        status: .ok,
        headers: ["X-Target": request.target, "Content-Type": "text/plain"],
        body: request.body
    )
    if request.target.hasPrefix("/slow") {
        return loop.scheduleTask(in: .milliseconds(500)) { response }.futureResult
    }
    return request.target == "/never" ? loop.makePromise().futureResult : loop.makeSucceededFuture(response)
}

func temporaryPath(_ name: String) -> String {
    "/tmp/kb-\(getpid())-\(UInt32.random(in: 0...UInt32.max))-\(name)"
}
