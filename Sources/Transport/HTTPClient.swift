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

    private var connection: HTTPConnection?
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
                return try await kept.exchange(request, by: deadline)
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
        return try await fresh.send(request, by: deadline)
    }

    /// Closes the connection. Requests after it are refused.
    package func close() async {
        closed = true
        let open = connection
        connection = nil
        await open?.close()
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

    private func connect(by deadline: NIODeadline) async throws(HTTPClientError) -> HTTPConnection {
        guard !closed else { throw .unreachable("the client is closed") }
        let fresh = try await HTTPConnection.open(to: endpoint, group: group, limits: limits, by: deadline)
        if closed {
            await fresh.close()
            throw HTTPClientError.unreachable("the client is closed")
        }
        connection = fresh
        return fresh
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
