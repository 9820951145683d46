// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import NIOHTTP1

/// One connection to an HTTP/1.1 server: what is sent goes over this one or not at all. One request at a time.
package struct HTTPConnection: Sendable {
    private let channel: any Channel
    private let endpoint: Endpoint

    /// Connects.
    ///
    /// - Parameters:
    ///   - endpoint: Whereto.
    ///   - group: Event loops.
    ///   - limits: What a response may have.
    ///   - deadline: When to give up.
    ///   - prelude: Makes the handlers that stand before HTTP, on the connection's event loop.
    /// - Returns: The open connection.
    /// - Throws: ``HTTPClientError``.
    package static func open(
        to endpoint: Endpoint,
        group: any EventLoopGroup,
        limits: HTTPLimits,
        by deadline: NIODeadline,
        prelude: @escaping HTTPServer.Prelude = { _ in [] }
    ) async throws(HTTPClientError) -> HTTPConnection {
        HTTPDecoders.prepare()
        let remaining = deadline - .now()
        guard remaining > .nanoseconds(0) else { throw .timeout }
        do {
            let channel = try await Connector.connect(to: endpoint, group: group, timeout: remaining) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(prelude(channel))
                    try channel.pipeline.syncOperations.addHandlers([
                        HTTPRequestEncoder(),
                        HTTPDecoders.response(limits),
                        NIOHTTPRequestHeadersValidator(),
                        HTTPClientConnection(limits: limits),
                    ])
                }
            }.get()
            return HTTPConnection(channel: channel, endpoint: endpoint)
        } catch ChannelError.connectTimeout {
            throw .timeout
        } catch {
            throw .unreachable(reason(of: error))
        }
    }

    var isActive: Bool { channel.isActive }

    package func close() async { try? await channel.close().get() }

    /// Sends a request and returns the whole response, of any status. `Host`, unless it is there, and `Content-Length`
    /// are added.
    ///
    /// - Throws: ``HTTPClientError``.
    package func send(_ request: HTTPRequest, by deadline: NIODeadline) async throws(HTTPClientError) -> HTTPResponse {
        do throws(HTTPExchangeFailure) {
            return try await exchange(request, by: deadline)
        } catch {
            switch error {
            case .notSent: throw .unreachable("the connection is closed")
            case .noResponse: throw .malformedResponse
            case .client(let error): throw error
            }
        }
    }

    func exchange(_ request: HTTPRequest, by deadline: NIODeadline) async throws(HTTPExchangeFailure) -> HTTPResponse {
        var request = request
        if !request.headers.contains(name: "host") { request.headers.add(name: "Host", value: hostName) }
        request.headers.replaceOrAdd(name: "Content-Length", value: String(request.body.readableBytes))
        request.headers.remove(name: "transfer-encoding")
        let promise = channel.eventLoop.makePromise(of: HTTPResponse.self)
        channel.writeAndFlush(HTTPExchange(request: request, deadline: deadline, promise: promise)).whenFailure { _ in
            // Nothing was written: the pipeline is gone. If it was, the handler has answered already.
            promise.fail(HTTPExchangeFailure.notSent)
        }
        do {
            return try await promise.futureResult.get()
        } catch let error as HTTPExchangeFailure {
            throw error
        } catch {
            throw .client(.malformedResponse)
        }
    }

    private var hostName: String {
        switch endpoint {
        case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix, .vsock: "localhost"
        }
    }
}
