// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOHTTP1

/// A whole HTTP/1.1 request, body included.
package struct HTTPRequest: Sendable {
    package var method: HTTPMethod
    /// As in the request line.
    package var target: String
    package var headers: HTTPHeaders
    package var body: ByteBuffer
    /// It came in over TLS that ended in this process. Never what the peer says of itself.
    package var isSecureTransport: Bool

    package init(
        method: HTTPMethod,
        target: String,
        headers: HTTPHeaders = [:],
        body: ByteBuffer = ByteBuffer(),
        isSecureTransport: Bool = false
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.isSecureTransport = isSecureTransport
    }
}

/// A whole HTTP/1.1 response, body included.
package struct HTTPResponse: Sendable {
    package var status: HTTPResponseStatus
    package var headers: HTTPHeaders
    package var body: ByteBuffer

    package init(status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// What a server or client bears. Constants of each program, named with their source there.
package struct HTTPLimits: Sendable {
    package var bodyLength: Int
    /// Requests that may have a longer body; nil: none.
    package var longBody: LongBody?
    package var headerBytes: Int
    package var connections: Int
    /// A request must be whole within this time.
    package var requestTimeout: TimeAmount
    /// A connection without a request is closed after this time.
    package var idleTimeout: TimeAmount

    /// Requests that one header marks, and how long their bodies may be.
    package struct LongBody: Sendable {
        package var header: String
        package var value: String
        package var bodyLength: Int

        package init(header: String, value: String, bodyLength: Int) {
            self.header = header
            self.value = value
            self.bodyLength = bodyLength
        }
    }

    /// Bytes that the body of a request with these headers may have.
    func bodyLength(of headers: HTTPHeaders) -> Int {
        guard let longBody, headers.first(name: longBody.header) == longBody.value,
            headers[longBody.header].count == 1
        else { return bodyLength }
        return longBody.bodyLength
    }

    /// Header fields of one message: the default of Apache httpd (LimitRequestFields).
    package static let headerFields = 100

    package init(
        bodyLength: Int,
        longBody: LongBody? = nil,
        headerBytes: Int = 16_384,
        connections: Int = 1024,
        requestTimeout: TimeAmount = .seconds(10),
        idleTimeout: TimeAmount = .seconds(60)
    ) {
        self.bodyLength = bodyLength
        self.longBody = longBody
        self.headerBytes = headerBytes
        self.connections = connections
        self.requestTimeout = requestTimeout
        self.idleTimeout = idleTimeout
    }
}
