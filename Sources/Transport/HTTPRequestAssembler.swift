// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Collects the parts of one request.
struct HTTPRequestAssembler {
    private var head: HTTPRequestHead?
    private var body: ByteBuffer?
    private var limit = 0

    /// Begins a request whose body may have `limit` bytes.
    mutating func begin(_ head: HTTPRequestHead, limit: Int) {
        self.head = head
        self.limit = limit
        body = nil
    }

    /// False if the body is longer than it may be.
    mutating func append(_ bytes: ByteBuffer) -> Bool {
        guard bytes.readableBytes <= limit - (body?.readableBytes ?? 0) else { return false }
        if body == nil {
            body = bytes
        } else {
            body?.writeImmutableBuffer(bytes)
        }
        return true
    }

    /// The request, and whether the connection stays open after it.
    mutating func finish(isSecureTransport: Bool) -> (HTTPRequest, keepsAlive: Bool)? {
        guard let head = head.take() else { return nil }
        let request = HTTPRequest(
            method: head.method,
            target: head.uri,
            headers: head.headers,
            body: body.take() ?? ByteBuffer(),
            isSecureTransport: isSecureTransport
        )
        // The decoder reads nothing after CONNECT or a request to upgrade, neither of which is done here.
        let ends = head.method == .CONNECT || head.headers.contains(name: "upgrade")
        return (request, head.isKeepAlive && !ends)
    }
}

/// What is refused at the head of a request, whatever it asks for.
enum HTTPRequestRules {
    /// The status to refuse it with, or nil.
    static func refusal(of head: HTTPRequestHead, limits: HTTPLimits) -> HTTPResponseStatus? {
        // One meaning only for every reader on the way (RFC 9112 sections 3.2 and 6.3, 11.2).
        let hosts = head.headers["host"].count
        guard hosts == 1 || (hosts == 0 && head.version == .http1_0) else { return .badRequest }
        guard isTarget(head.uri, of: head.method) else { return .badRequest }
        guard head.headers.allSatisfy({ isFieldValue($0.value) }) else { return .badRequest }
        let lengths = head.headers["content-length"]
        let codings = head.headers["transfer-encoding"]
        guard lengths.count <= 1, codings.count <= 1, lengths.isEmpty || codings.isEmpty else { return .badRequest }
        if let coding = codings.first {
            guard head.version == .http1_1, coding.lowercased() == "chunked" else { return .badRequest }
        }
        if let text = lengths.first {
            guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return .badRequest }
            guard let length = Int(text), length <= limits.bodyLength(of: head.headers) else {
                return .payloadTooLarge
            }
        }
        return nil
    }

    /// Origin form, printable ASCII; for CONNECT the authority (RFC 9112 section 3.2). No absolute form: it could name
    /// another host than the Host header.
    private static func isTarget(_ target: String, of method: HTTPMethod) -> Bool {
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
        return method == .CONNECT || target.utf8.first == UInt8(ascii: "/")
    }

    /// No control characters but the tab (RFC 9110 section 5.5); folded lines have some.
    static func isFieldValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }
}
