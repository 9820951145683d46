// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The first handler of a client's connection: keeps what comes until it is worth a connection to the enclave, then lets
/// it through and goes. A client that says nothing, or says it too slowly, costs the enclave nothing.
final class IngressDoor: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Phase {
        case waiting
        case connecting
        case open
    }

    private let openingTime: TimeAmount
    /// Called once: connect, then ``letThrough(to:)`` or close.
    private let connect: (IngressDoor, any Channel) -> Void
    private var context: ChannelHandlerContext?
    private var phase = Phase.waiting
    private var held = ByteBuffer()
    private var inputEnded = false
    private var timer: Scheduled<Void>?

    init(openingTime: TimeAmount, connect: @escaping (IngressDoor, any Channel) -> Void) {
        self.openingTime = openingTime
        self.connect = connect
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: openingTime) { [weak self] in
            guard let self, case .waiting = self.phase else { return }
            self.context?.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        held.writeBuffer(&bytes)
        guard case .waiting = phase, Opening.isWhole(held) else { return }
        phase = .connecting
        timer?.cancel()
        // Nothing more is read before there is someone to give it to.
        context.channel.setOption(.autoRead, value: false).assumeIsolated().whenFailure { _ in
            context.close(promise: nil)
        }
        connect(self, context.channel)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed as ChannelEvent = event else {
            return context.fireUserInboundEventTriggered(event)
        }
        inputEnded = true
        // It has said all it will say, and that is no request.
        if case .waiting = phase { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// There is a connection: what was kept goes to `splice`, which takes over.
    func letThrough(to splice: SpliceHandler) {
        guard let context else { return }
        phase = .open
        do {
            try context.pipeline.syncOperations.addHandler(splice, position: .after(self))
        } catch {
            return context.close(promise: nil)
        }
        let bytes = held
        held = ByteBuffer()
        context.fireChannelRead(Self.wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        if inputEnded { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        let channel = context.channel
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
    }
}
