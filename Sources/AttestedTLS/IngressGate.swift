// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import NIOHTTP1
import NIOTLS
import Transport

/// What a listener speaks at a moment.
package enum IngressProtocol: Sendable {
    /// HTTP in clear.
    case plain
    /// HTTP over TLS that ends here.
    case tls(TLSServer)
}

/// First on a connection: waits for its first byte, and lets in only what the listener speaks at that moment.
///
/// - A TLS handshake begins with a record of type 22 (RFC 8446 section 5.1), and no HTTP request does (RFC 9112
///   section 3).
/// - Where TLS is spoken, a request in clear gets one sentence in clear and the connection is closed; nothing behind
///   this sees a byte of it. Where HTTP is spoken in clear, a TLS handshake is closed.
/// - A handshake that is not done in time is closed.
package final class IngressGate: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// From the first byte to the end of the handshake; where TLS is spoken, from the connection on. As long as an HTTP
    /// request has.
    package static let handshakeTimeout = TimeAmount.seconds(10)

    private static let handshakeRecord: UInt8 = 22

    private let current: @Sendable () -> IngressProtocol
    private let timeout: TimeAmount
    private var deadline: Scheduled<Void>?
    private var isRefused = false

    /// - Parameters:
    ///   - timeout: See ``handshakeTimeout``.
    ///   - current: What is spoken now.
    package init(
        timeout: TimeAmount = IngressGate.handshakeTimeout,
        _ current: @escaping @Sendable () -> IngressProtocol
    ) {
        self.current = current
        self.timeout = timeout
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        if case .tls = current() { startTimer(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    package func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        guard !isRefused, let first = bytes.readableBytesView.first else { return }
        let isHandshake = first == Self.handshakeRecord
        switch current() {
        case .plain where !isHandshake:
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        case .tls(let server) where isHandshake:
            startTimer(context)
            let watch = HandshakeWatch(deadline: deadline.take())
            do {
                try context.pipeline.syncOperations.addHandlers(
                    [server.makeHandler(), PromptClose(), watch],
                    position: .after(self)
                )
            } catch {
                return context.close(promise: nil)
            }
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        case .plain:
            isRefused = true
            context.close(promise: nil)
        case .tls:
            isRefused = true
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: Self.refusal))).assumeIsolated().whenComplete
            {
                _ in context.close(promise: nil)
            }
        }
    }

    private func startTimer(_ context: ChannelHandlerContext) {
        guard deadline == nil else { return }
        // By the channel: this handler may have left the pipeline by then.
        let channel = context.channel
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { channel.close(promise: nil) }
    }

    private static let refusal: String = {
        let text = "This endpoint speaks TLS only: its URL begins with https. See keybroker trust.\n"
        return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: \(text.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(text)"
    }()
}

/// Behind TLS: says when the handshake is done, and stops the clock on it.
private final class HandshakeWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private var deadline: Scheduled<Void>?

    init(deadline: Scheduled<Void>?) { self.deadline = deadline }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted = event else { return context.fireUserInboundEventTriggered(event) }
        context.fireUserInboundEventTriggered(TransportSecured())
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline.take()?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline.take()?.cancel()
        context.fireChannelInactive()
    }
}
