// SPDX-License-Identifier: Apache-2.0

import KMSProtocol
import NIOCore
import Transport

/// The first handler of a client's connection: keeps what comes until it is worth a connection to the enclave, then lets
/// it through and goes. A client that says nothing, or says it too slowly, costs the enclave nothing.
final class IngressDoor: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        case waiting
        case connecting
        case open
        /// It has our answer, or has none to get; what it still sends is dropped.
        case turnedAway
    }

    private let metrics: HostMetrics
    private let openingTime: TimeAmount
    /// Called once: connect, then ``letThrough(to:)`` or ``turnAway()``.
    private let connect: (IngressDoor, any Channel) -> Void
    private var context: ChannelHandlerContext?
    private var phase = Phase.waiting
    private var held = ByteBuffer()
    private var inputEnded = false
    private var timer: Scheduled<Void>?

    init(
        openingTime: TimeAmount,
        metrics: HostMetrics,
        connect: @escaping (IngressDoor, any Channel) -> Void
    ) {
        self.openingTime = openingTime
        self.metrics = metrics
        self.connect = connect
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: openingTime) { [weak self] in
            guard let self, case .waiting = self.phase else { return }
            self.metrics.clientWasShed(.slow)
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
        if case .turnedAway = phase { return }
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
        switch (event, phase) {
        // It has said nothing, and the listener stops.
        case (is ListenerDraining, .waiting) where held.readableBytes == 0: context.close(promise: nil)
        case (ChannelEvent.inputClosed as ChannelEvent, _):
            inputEnded = true
            switch phase {
            // It has said all it will say, and that is no request; or it has all it will get.
            case .waiting, .turnedAway: context.close(promise: nil)
            case .connecting, .open: break
            }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// There is no enclave for it. A request in clear gets KMS's error for that, which every SDK tries again; in TLS there
    /// is nobody who could say anything, and the connection is closed.
    func turnAway() {
        guard let context else { return }
        guard !Opening.isHandshake(held) else { return context.close(promise: nil) }
        phase = .turnedAway
        held = ByteBuffer()
        let loop = context.eventLoop.assumeIsolated()
        // A reset would take the answer from a client that is still sending: what comes is read, and dropped.
        loop.scheduleTask(in: IngressLimits.lingerTime) { [weak self] in self?.context?.close(promise: nil) }
        context.channel.setOption(.autoRead, value: true).assumeIsolated().whenFailure { _ in
            context.close(promise: nil)
        }
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(bytes: Unavailable.response))).assumeIsolated()
            .whenComplete { [inputEnded] _ in
                if inputEnded { context.close(promise: nil) } else { context.close(mode: .output, promise: nil) }
            }
    }

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

/// What the host says for an enclave that is not there: its own words, which anybody between could say too.
private enum Unavailable {
    static let response: [UInt8] = {
        let error = KMSError("KeyUnavailableException", "The key broker's enclave is not reachable now. Try again.")
        let body = error.body
        let head = """
            HTTP/1.1 \(error.httpStatus) Internal Server Error\r
            Content-Type: \(amzJSON)\r
            \(KMSHeader.errorType): \(error.name)\r
            Content-Length: \(body.count)\r
            Connection: close\r
            \r

            """
        return Array(head.utf8) + body
    }()
}
