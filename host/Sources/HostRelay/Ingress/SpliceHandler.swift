// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Transport

/// One end of two connections that are one: what comes in here goes out there, unchanged.
///
/// Backpressure: an end is read only while the other takes writes. Half-close: the end of input here ends the output
/// there, after everything before it is written. Both ends live on one event loop.
final class SpliceHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Once one direction has ended, the other gets this long: a peer that never closes does not hold a place.
    static let halfClosedTime = TimeAmount.seconds(60)

    /// A connection that drains goes when nothing went through it for this long since the enclave's last word.
    static let drainedTime = TimeAmount.milliseconds(200)
    private static let drainPause = TimeAmount.milliseconds(100)

    private let activity: SpliceActivity
    private let isClient: Bool
    private var partner: SpliceHandler?
    private var context: ChannelHandlerContext?
    private var isActive = false
    /// What has come before the connection is made: the loop reads to the end of an input that has ended, asked or not.
    private var early: [ByteBuffer] = []
    private var readHeld = false
    private var inputEnded = false
    /// The output is to end: nothing is written any more.
    private var outputEnds = false
    private var lastWrite = LastWrite.none
    private var closesAfterwards = false

    /// What tells that all before it is written: nothing is counted while bytes flow.
    private enum LastWrite {
        case none
        case underWay
        case done
    }

    private init(_ activity: SpliceActivity, isClient: Bool) {
        self.activity = activity
        self.isClient = isClient
    }

    /// Two ends, one for each channel; `activity` tells of both.
    static func pair(_ activity: SpliceActivity) -> (client: SpliceHandler, enclave: SpliceHandler) {
        let client = SpliceHandler(activity, isClient: true)
        let enclave = SpliceHandler(activity, isClient: false)
        client.partner = enclave
        enclave.partner = client
        return (client, enclave)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { started() }
    }

    func channelActive(context: ChannelHandlerContext) {
        started()
        context.fireChannelActive()
    }

    private func started() {
        guard !isActive else { return }
        isActive = true
        let bytes = early
        early = []
        for buffer in bytes { put(buffer) }
        context?.flush()
        endOutputWhenWritten()
        partner?.readOn()
    }

    func handlerRemoved(context: ChannelHandlerContext) { ended() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        activity.heard(fromEnclave: !isClient)
        partner?.write(Self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.context?.flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if partner?.takesWrites ?? false { context.read() } else { readHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.readOn() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ListenerDraining { closeWhenAnswered() }
        if case ChannelEvent.inputClosed as ChannelEvent = event {
            inputEnded = true
            partner?.endOutput(closing: false)
            if let partner, partner.inputEnded {
                partner.endOutput(closing: true)
                endOutput(closing: true)
            } else {
                let loop = context.eventLoop.assumeIsolated()
                loop.scheduleTask(in: Self.halfClosedTime) { [weak self] in self?.closeBoth() }
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Called by the partner

    private var takesWrites: Bool { isActive && context?.channel.isWritable ?? false }

    private func write(_ bytes: ByteBuffer) {
        guard !outputEnds else { return }
        if isActive { put(bytes) } else { early.append(bytes) }
    }

    private func put(_ bytes: ByteBuffer) {
        context?.write(Self.wrapOutboundOut(bytes), promise: nil)
    }

    private func readOn() {
        guard readHeld, let context else { return }
        readHeld = false
        context.read()
    }

    private func endOutput(closing: Bool) {
        outputEnds = true
        closesAfterwards = closesAfterwards || closing
        endOutputWhenWritten()
    }

    /// The loop would drop what is not written if the output were closed before.
    private func endOutputWhenWritten() {
        guard isActive, outputEnds, let context else { return }
        switch lastWrite {
        case .underWay: break
        case .done: closeOutput()
        case .none:
            lastWrite = .underWay
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenComplete { _ in
                self.lastWrite = .done
                self.closeOutput()
            }
            // Nothing, after everything else.
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer()), promise: written)
        }
    }

    private func closeOutput() {
        if closesAfterwards {
            context?.close(promise: nil)
        } else {
            context?.close(mode: .output, promise: nil)
        }
    }

    // MARK: The end

    /// This end is gone: the other writes what it has, and goes.
    private func ended() {
        context = nil
        let other = partner
        partner = nil
        other?.partner = nil
        other?.endOutput(closing: true)
        other?.limitLastWrite()
    }

    private func limitLastWrite() {
        guard let context else { return }
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.halfClosedTime) { [weak self] in self?.closeBoth() }
    }

    /// The client has its answer, and asks for nothing more; whoever stops the listener sees to those that do not end.
    private func closeWhenAnswered() {
        guard let context else { return }
        let (since, isAnswered) = activity.last
        if isAnswered, NIODeadline.now() - since >= Self.drainedTime { return closeBoth() }
        let loop = context.eventLoop.assumeIsolated()
        loop.scheduleTask(in: Self.drainPause) { [weak self] in self?.closeWhenAnswered() }
    }

    private func closeBoth() {
        let other = partner
        context?.close(promise: nil)
        other?.context?.close(promise: nil)
    }
}
