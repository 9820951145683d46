// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Behind TLS: once this side closes, the peer's answer to that ends the connection.
///
/// Connections may be half closed here, and as long as that is so, swift-nio-ssl takes no note of a `close_notify` that
/// answers its own: it would wait for its time-out, and whoever closes with it.
final class PromptClose: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // A channel that has no such option has no half-closed connections either.
        if mode == .all { try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false) }
        context.close(mode: mode, promise: promise)
    }
}
