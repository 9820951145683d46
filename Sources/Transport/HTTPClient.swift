// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import NIOHTTP1

/// An HTTP/1.1 client for one endpoint: one request at a time on a kept connection, remade when it breaks.
package actor HTTPClient {
    /// Callers that wait for their turn; more are refused.
    static let maximumWaiting = 1024

    private let endpoint: Endpoint
    private let group: any EventLoopGroup
    private let limits: HTTPLimits
    private let timeout: TimeAmount

    private var connection: (any Channel)?
    private var busy = false
    private var closed = false
    private var waiting: CircularBuffer<CheckedContinuation<Void, Never>> = []

    /// Connects when the first request is sent.
    ///
    /// `limits` bound a response; `timeout` runs from the call of ``send(_:)`` to the whole response, waiting and
    /// connecting included.
    package init(_ endpoint: Endpoint, group: any EventLoopGroup, limits: HTTPLimits, timeout: TimeAmount) {
        self.endpoint = endpoint
        self.group = group
        self.limits = limits
        self.timeout = timeout
    }

    /// Sends a request and returns the whole response, of any status.
    ///
    /// `Host` and `Content-Length` are added. A request that met a kept connection just as the peer closed it is sent
    /// once more if nothing of it was written, or if its method is idempotent (RFC 9110 section 9.2.2).
    ///
    /// - Throws: ``HTTPClientError``.
    package func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        let deadline = NIODeadline.now() + timeout
        try await acquire()
        defer { release() }
        if let kept = connection, kept.isActive {
            do throws(HTTPExchangeFailure) {
                return try await exchange(request, on: kept, by: deadline)
            } catch {
                switch error {
                case .notSent: break
                case .noResponse where request.method.isIdempotent: break
                case .noResponse: throw .malformedResponse
                case .client(let error): throw error
                }
            }
        }
        let fresh = try await connect(by: deadline)
        do throws(HTTPExchangeFailure) {
            return try await exchange(request, on: fresh, by: deadline)
        } catch {
            switch error {
            case .notSent: throw .unreachable("the connection is closed")
            case .noResponse: throw .malformedResponse
            case .client(let error): throw error
            }
        }
    }

    /// Closes the connection. Requests after it are refused.
    package func close() async {
        closed = true
        let open = connection
        connection = nil
        try? await open?.close().get()
    }

    // MARK: One at a time

    private func acquire() async throws(HTTPClientError) {
        guard !closed else { throw .unreachable("the client is closed") }
        guard busy else {
            busy = true
            return
        }
        guard waiting.count < Self.maximumWaiting else { throw .unreachable("too many requests wait") }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func release() {
        if waiting.isEmpty { busy = false } else { waiting.removeFirst().resume() }
    }

    // MARK: Connection

    private func connect(by deadline: NIODeadline) async throws(HTTPClientError) -> any Channel {
        guard !closed else { throw .unreachable("the client is closed") }
        let remaining = deadline - .now()
        guard remaining > .nanoseconds(0) else { throw .timeout }
        let limits = limits
        do {
            let channel = try await Connector.connect(to: endpoint, group: group, timeout: remaining) { channel in
                channel.eventLoop.makeCompletedFuture {
                    var decoding = NIOHTTPDecoderLimitConfiguration()
                    decoding.maxHeaderFieldSize = limits.headerBytes
                    decoding.maxHeaderListSize = limits.headerBytes
                    decoding.maxHeaderFieldCount = HTTPLimits.headerFields
                    try channel.pipeline.syncOperations.addHandlers([
                        HTTPRequestEncoder(),
                        ByteToMessageHandler(
                            HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoding)
                        ),
                        NIOHTTPRequestHeadersValidator(),
                        HTTPClientConnection(limits: limits),
                    ])
                }
            }.get()
            if closed {
                channel.close(promise: nil)
                throw HTTPClientError.unreachable("the client is closed")
            }
            connection = channel
            return channel
        } catch let error as HTTPClientError {
            throw error
        } catch ChannelError.connectTimeout {
            throw .timeout
        } catch {
            throw .unreachable(reason(of: error))
        }
    }

    private func exchange(_ request: HTTPRequest, on channel: any Channel, by deadline: NIODeadline)
        async throws(HTTPExchangeFailure) -> HTTPResponse
    {
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

package enum HTTPClientError: Error, Equatable, Sendable {
    /// No connection: the reason in one line.
    case unreachable(String)
    case timeout
    /// The peer closed, or sent what is not a response within the limits.
    case malformedResponse
}

extension HTTPMethod {
    fileprivate var isIdempotent: Bool {
        switch self {
        case .GET, .HEAD, .PUT, .DELETE: true
        default: false
        }
    }
}
