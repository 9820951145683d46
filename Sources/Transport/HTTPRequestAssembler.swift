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
        var hosts = 0
        var length: String?
        var isCoded = false
        for (name, value) in head.headers {
            guard isFieldValue(value) else { return .badRequest }
            if isName(name, "host") {
                hosts += 1
            } else if isName(name, "content-length") {
                guard length == nil else { return .badRequest }
                length = value
            } else if isName(name, "transfer-encoding") {
                isCoded = true
            }
        }
        guard hosts == 1 || (hosts == 0 && head.version == .http1_0) else { return .badRequest }
        guard isTarget(head.uri, of: head.method) else { return .badRequest }
        // Every client of these protocols knows how long its body is (RFC 9112 section 6.3: 411). So there is one way to
        // frame a body, and no chunk extensions or trailers that a reader on the way could take for something else.
        guard !isCoded else { return length == nil ? .lengthRequired : .badRequest }
        if let text = length {
            guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return .badRequest }
            guard let length = Int(text), length <= limits.bodyLength(of: head.headers) else {
                return .payloadTooLarge
            }
        }
        return nil
    }

    /// Whether a text is this word, which is in lower case, without regard to the case of ASCII letters.
    static func isName(_ text: String, _ word: StaticString) -> Bool {
        guard text.utf8.count == word.utf8CodeUnitCount else { return false }
        let bytes = text.utf8.span
        for index in bytes.indices {
            let byte = bytes[index]
            let lower = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
            // Both have the same length, which was just compared.
            guard unsafe lower == word.utf8Start[index] else { return false }
        }
        return true
    }

    /// Origin form, printable ASCII; for CONNECT the authority (RFC 9112 section 3.2). No absolute form: it could name
    /// another host than the Host header.
    private static func isTarget(_ target: String, of method: HTTPMethod) -> Bool {
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
        return method == .CONNECT || target.utf8.first == UInt8(ascii: "/")
    }

    /// No control characters but the tab (RFC 9110 section 5.5); folded lines have some.
    static func isFieldValue(_ value: String) -> Bool {
        let bytes = value.utf8.span
        for index in bytes.indices {
            let byte = bytes[index]
            guard byte >= 0x20 || byte == 0x09, byte != 0x7F else { return false }
        }
        return true
    }
}
