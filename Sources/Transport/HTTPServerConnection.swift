// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// One connection of the server: collects whole requests, hands them to the handler, writes the responses in the order
/// of the requests, one write for all that are ready.
///
/// All on the connection's event loop.
final class HTTPServerConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Requests of one connection whose responses are not written yet; beyond it the connection is not read.
    static let maximumPipelined = 64
    /// After a refusal: input is read and dropped for this long, so that the peer reads the response before a reset.
    static let lingerTime = TimeAmount.seconds(1)

    /// A request's place in the order of responses.
    private struct Slot {
        let isHead: Bool
        /// The last response on this connection.
        var closes: Bool
        var response: HTTPResponse?
    }

    private enum Ending {
        case open
        /// No further request is taken; the connection closes after the last response.
        case lastRequestSeen
        /// The same after a refusal: linger before closing.
        case refused
        /// The last response is on its way out.
        case closing
        /// It is out, and so is our end of the stream; what still comes in is dropped.
        case lingering
        case closed
    }

    private let limits: HTTPLimits
    private let handler: HTTPServer.Handler
    private var context: ChannelHandlerContext?

    private var assembler = HTTPRequestAssembler()
    private var slots = CircularBuffer<Slot>(initialCapacity: 8)
    private var firstSlot = 0
    private var ending = Ending.open
    private var draining = false
    private var isSecureTransport = false

    private var output: ByteBuffer?
    private var inRead = false
    private var writeScheduled = false
    private var readHeld = false

    private var timer = DeadlineTimer()
    private var receivingSince: NIODeadline?
    private var stalledSince: NIODeadline?
    private var idleSince = NIODeadline.now()

    init(limits: HTTPLimits, handler: @escaping HTTPServer.Handler) {
        self.limits = limits
        self.handler = handler
    }

    // MARK: Events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        updateTimer()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .open = ending else { return }
        switch Self.unwrapInboundIn(data) {
        case .head(let head): received(head)
        case .body(let bytes):
            if !assembler.append(bytes) { refuse(.payloadTooLarge) }
        case .end: receivedEnd()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        inRead = false
        write()
        updateTimer()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { readHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .closing = ending {} else { stalledSince = context.channel.isWritable ? nil : .now() }
        resumeReading()
        updateTimer()
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed as ChannelEvent: inputClosed()
        case is ListenerDraining: drain()
        case is TransportSecured: isSecureTransport = true
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow: refuse(.requestHeaderFieldsTooLarge)
        case is HTTPParserError: refuse(.badRequest)
        case is ByteToMessageDecoderError: break
        default: context.close(promise: nil)
        }
    }

    /// Bytes came in; false: they are of no interest any more.
    func bytesArrived() -> Bool {
        switch ending {
        case .open:
            inRead = true
            if receivingSince == nil { receivingSince = .now() }
            return true
        default: return false
        }
    }

    // MARK: Requests

    private func received(_ head: HTTPRequestHead) {
        if let status = HTTPRequestRules.refusal(of: head, limits: limits) { return refuse(status) }
        assembler.begin(head, limit: limits.bodyLength(of: head.headers))
        // A client that asks before it sends its body (RFC 9110 section 10.1.1), when no response is in its way.
        if slots.isEmpty, head.version == .http1_1, head.headers.contains(name: "expect"), let context {
            guard head.headers["expect"].allSatisfy({ $0.lowercased() == "100-continue" }) else {
                return refuse(.expectationFailed)
            }
            var buffer = output.take() ?? context.channel.allocator.buffer(capacity: 64)
            buffer.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
            output = buffer
        }
    }

    private func receivedEnd() {
        guard let context, let (request, keepsAlive) = assembler.finish(isSecureTransport: isSecureTransport) else {
            return refuse(.badRequest)
        }
        receivingSince = nil
        let closes = !keepsAlive || draining
        if closes { ending = .lastRequestSeen }
        let number = firstSlot + slots.count
        slots.append(Slot(isHead: request.method == .HEAD, closes: closes, response: nil))
        handler(request, context.eventLoop).hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let response): self.answered(number, response)
            case .failure: self.answered(number, HTTPResponse(status: .internalServerError))
            }
        }
    }

    private func answered(_ number: Int, _ response: HTTPResponse) {
        let offset = number - firstSlot
        guard offset >= 0, offset < slots.count else { return }
        slots[slots.index(slots.startIndex, offsetBy: offset)].response = response
        guard !inRead, offset == 0, !writeScheduled, let context else { return }
        // Later in this turn of the loop: answers that become ready together leave together.
        writeScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.writeScheduled = false
            self.write()
            self.updateTimer()
        }
    }

    /// Answers what cannot be taken, after the responses that are due before it, and takes nothing more.
    private func refuse(_ status: HTTPResponseStatus) {
        guard case .open = ending else { return }
        ending = .refused
        receivingSince = nil
        assembler = HTTPRequestAssembler()
        slots.append(Slot(isHead: false, closes: true, response: HTTPResponse(status: status)))
        if !inRead { write() }
    }

    // MARK: Responses

    private func write() {
        guard let context else { return }
        var closes = false
        while !closes, let slot = slots.first, let response = slot.response {
            slots.removeFirst()
            firstSlot += 1
            closes = slot.closes
            var buffer = output.take() ?? context.channel.allocator.buffer(capacity: 256 + response.body.readableBytes)
            HTTPResponseSerializer.write(response, toHead: slot.isHead, closes: closes, into: &buffer)
            output = buffer
        }
        if closes || (slots.isEmpty && isLast) { return close(after: output.take()) }
        if let buffer = output.take() {
            idleSince = .now()
            context.writeAndFlush(Self.wrapOutboundOut(buffer), promise: nil)
        }
        resumeReading()
    }

    private var isLast: Bool { if case .lastRequestSeen = ending { true } else { false } }

    /// Closes when the last bytes are written, or when the peer does not take them in time.
    private func close(after buffer: ByteBuffer?) {
        guard let context else { return }
        let refused = if case .refused = ending { true } else { false }
        ending = .closing
        stalledSince = .now()
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in
            guard let context = self.context else { return }
            guard refused else { return context.close(promise: nil) }
            self.ending = .lingering
            context.close(mode: .output, promise: nil)
            context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingerTime) { context.close(promise: nil) }
            self.resumeReading()
        }
        context.writeAndFlush(Self.wrapOutboundOut(buffer ?? ByteBuffer()), promise: written)
    }

    // MARK: Flow and ends

    private var mayRead: Bool {
        switch ending {
        case .open: slots.count < Self.maximumPipelined && context?.channel.isWritable ?? false
        case .lastRequestSeen, .closing, .closed: false
        case .refused, .lingering: true
        }
    }

    private func resumeReading() {
        guard readHeld, mayRead, let context else { return }
        readHeld = false
        context.read()
    }

    private func inputClosed() {
        guard let context else { return }
        switch ending {
        case .open:
            // A request that was cut off is answered by the decoder's error; here nothing more is coming.
            ending = .lastRequestSeen
            receivingSince = nil
            if slots.isEmpty { context.close(promise: nil) }
        case .lingering: context.close(promise: nil)
        case .lastRequestSeen, .refused, .closing, .closed: break
        }
    }

    private func drain() {
        draining = true
        guard case .open = ending, receivingSince == nil else { return }
        ending = .lastRequestSeen
        guard let last = slots.indices.last else { return context?.close(promise: nil) ?? () }
        slots[last].closes = true
    }

    private func end() {
        ending = .closed
        slots.removeAll()
        timer.cancel()
        context = nil
    }

    // MARK: Time

    private var deadline: NIODeadline? {
        if let stalledSince { return stalledSince + limits.requestTimeout }
        if case .open = ending {
            if let receivingSince { return receivingSince + limits.requestTimeout }
            return slots.isEmpty ? idleSince + limits.idleTimeout : nil
        }
        return nil
    }

    private func updateTimer() {
        guard let context else { return }
        timer.arm(at: deadline, on: context.eventLoop) { [weak self] in self?.timerFired() }
    }

    private func timerFired() {
        timer.fired()
        guard let context, let deadline, deadline <= .now() else { return updateTimer() }
        if stalledSince == nil, receivingSince != nil {
            refuse(.requestTimeout)
        } else {
            context.close(promise: nil)
        }
    }
}
