// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing
import Transport

/// What stands before HTTP on a server's connection.
struct PreludeTests {
    /// Takes every byte for another: the server sees what the prelude makes of it, and `!` says that it is secured.
    private final class Shift: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            for byte in Self.unwrapInboundIn(data).readableBytesView {
                if byte == UInt8(ascii: "!") {
                    context.fireUserInboundEventTriggered(TransportSecured())
                } else {
                    context.fireChannelRead(Self.wrapInboundOut(ByteBuffer(bytes: [byte ^ 0x80])))
                }
            }
        }

        typealias InboundOut = ByteBuffer
    }

    private static let answer: HTTPServer.Handler = { request, loop in
        loop.makeSucceededFuture(
            HTTPResponse(status: .ok, body: ByteBuffer(string: request.isSecureTransport ? "secured;" : "open;"))
        )
    }

    private func withPrelude(_ body: (RawConnection) async throws -> Void) async throws {
        let server = try await HTTPServer.start(
            on: .tcp(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            limits: HTTPLimits(bodyLength: 1024),
            prelude: { _ in [Shift()] },
            handler: Self.answer
        )
        guard case .tcp(_, let port) = server.endpoint else { return }
        try await body(try RawConnection(port: port))
        await server.shutdown(grace: .zero)
    }

    private func shifted(_ text: String) -> [UInt8] { text.utf8.map { $0 ^ 0x80 } }

    @Test func `what a prelude makes of the bytes is what the server reads`() async throws {
        try await withPrelude { client in
            try client.send(shifted("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
            #expect(await client.receive(until: ";").hasSuffix("open;"))
        }
    }

    @Test func `a request is over secure transport only after the prelude has said so`() async throws {
        try await withPrelude { client in
            let request = shifted(
                "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\nForwarded: proto=https\r\n\r\n"
            )
            try client.send(request)
            #expect(await client.receive(until: ";").hasSuffix("open;"))
            try client.send([UInt8(ascii: "!")] + request)
            #expect(await client.receive(until: ";").hasSuffix("secured;"))
        }
    }
}
