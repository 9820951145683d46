// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Before the decoder: notes when a request begins to arrive, and drops what comes after the last one.
final class HTTPServerInlet: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: HTTPServerConnection

    init(_ connection: HTTPServerConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if connection.bytesArrived() { context.fireChannelRead(data) }
    }
}
