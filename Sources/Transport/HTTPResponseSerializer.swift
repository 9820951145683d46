// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Writes whole responses: status line, headers, length, body. No Date, no Server.
enum HTTPResponseSerializer {
    /// Room for a status line and headers, so that they do not move while they grow. In one array and then into the buffer
    /// at once: each write to a buffer asks first whether it is free to be written.
    private static let usualHead = 512

    /// Appends `response` to `buffer`. Framing is decided here, whatever headers the handler gave; a header that would
    /// break it makes the response a plain 500.
    static func write(_ response: HTTPResponse, toHead: Bool, closes: Bool, into buffer: inout ByteBuffer) {
        var response = response
        if !response.headers.allSatisfy({ isToken($0.name) && HTTPRequestRules.isFieldValue($0.value) }) {
            response = HTTPResponse(status: .internalServerError)
        }
        // 1xx is not a final response, and 101 would change the protocol: not for a handler to give.
        if response.status.code < 200 || response.status.code > 999 {
            response = HTTPResponse(status: .internalServerError)
        }

        var head: [UInt8] = []
        head.reserveCapacity(usualHead)
        head += "HTTP/1.1 ".utf8
        head += String(response.status.code).utf8
        head += " ".utf8
        let reason = response.status.reasonPhrase
        if HTTPRequestRules.isFieldValue(reason) { head += reason.utf8 }
        head += "\r\n".utf8
        for (name, value) in response.headers where !isFraming(name) {
            head += name.utf8
            head += ": ".utf8
            head += value.utf8
            head += "\r\n".utf8
        }
        let hasBody = response.status.code != 204 && response.status.code != 304
        if hasBody {
            head += "Content-Length: ".utf8
            head += String(response.body.readableBytes).utf8
            head += "\r\n".utf8
        }
        head += (closes ? "Connection: close\r\n\r\n" : "\r\n").utf8
        buffer.writeBytes(head)
        if hasBody && !toHead { buffer.writeImmutableBuffer(response.body) }
    }

    private static func isFraming(_ name: String) -> Bool {
        HTTPRequestRules.isName(name, "connection") || HTTPRequestRules.isName(name, "keep-alive")
            || HTTPRequestRules.isName(name, "content-length") || HTTPRequestRules.isName(name, "transfer-encoding")
    }

    /// RFC 9110 section 5.6.2.
    private static func isToken(_ name: String) -> Bool {
        let bytes = name.utf8.span
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                break
            case let byte: guard "!#$%&'*+.^_`|~".utf8.contains(byte) else { return false }
            }
        }
        return !bytes.isEmpty
    }
}
