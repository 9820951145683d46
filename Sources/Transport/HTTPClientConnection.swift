// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// A request on its way, and where its response goes.
struct HTTPExchange: Sendable {
    let request: HTTPRequest
    let deadline: NIODeadline
    let promise: EventLoopPromise<HTTPResponse>
}

enum HTTPExchangeFailure: Error, Sendable {
    /// Nothing was written.
    case notSent
    /// The peer closed before the first byte of a response.
    case noResponse
    case client(HTTPClientError)
}

/// One connection of the client: one exchange at a time; anything out of turn closes it.
final class HTTPClientConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPExchange
    typealias OutboundOut = HTTPClientRequestPart

    private let limits: HTTPLimits
    private var current: HTTPExchange?
    private var timeout: Scheduled<Void>?
    private var head: HTTPResponseHead?
    private var body: ByteBuffer?

    init(limits: HTTPLimits) { self.limits = limits }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let exchange = Self.unwrapOutboundIn(data)
        guard current == nil, context.channel.isActive else {
            exchange.promise.fail(HTTPExchangeFailure.notSent)
            promise?.succeed()
            return
        }
        current = exchange
        timeout = context.eventLoop.assumeIsolated().scheduleTask(deadline: exchange.deadline) {
            self.fail(.client(.timeout), context)
        }
        let request = exchange.request
        let head = HTTPRequestHead(
            version: .http1_1,
            method: request.method,
            uri: request.target,
            headers: request.headers
        )
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        if request.body.readableBytes > 0 {
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(request.body))), promise: nil)
        }
        context.write(Self.wrapOutboundOut(.end(nil)), promise: nil)
        // The caller hears of failures through the exchange.
        promise?.succeed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard current != nil else { return context.close(promise: nil) }
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            if let length = head.headers["content-length"].first.flatMap(Int.init), length > limits.bodyLength {
                fail(.client(.malformedResponse), context)
            }
        case .body(let bytes):
            guard bytes.readableBytes <= limits.bodyLength - (body?.readableBytes ?? 0) else {
                return fail(.client(.malformedResponse), context)
            }
            if body == nil { body = bytes } else { body?.writeImmutableBuffer(bytes) }
        case .end:
            finish(context)
        }
    }

    private func finish(_ context: ChannelHandlerContext) {
        guard let exchange = current.take(), let head = head.take() else { return context.close(promise: nil) }
        timeout.take()?.cancel()
        let response = HTTPResponse(status: head.status, headers: head.headers, body: body.take() ?? ByteBuffer())
        // Closed first, so that nobody takes this connection for a kept one.
        if !head.isKeepAlive { context.close(promise: nil) }
        exchange.promise.succeed(response)
    }

    private func fail(_ failure: HTTPExchangeFailure, _ context: ChannelHandlerContext) {
        head = nil
        body = nil
        timeout.take()?.cancel()
        let exchange = current.take()
        context.close(promise: nil)
        exchange?.promise.fail(failure)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(head == nil ? .noResponse : .client(.malformedResponse), context)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The decoder has ended a body that lasts to the end of input before this.
        if case ChannelEvent.inputClosed as ChannelEvent = event {
            fail(head == nil ? .noResponse : .client(.malformedResponse), context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset of a kept connection is as good as its end.
        fail(error is IOError && head == nil ? .noResponse : .client(.malformedResponse), context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timeout.take()?.cancel()
        current.take()?.promise.fail(HTTPExchangeFailure.noResponse)
    }
}
