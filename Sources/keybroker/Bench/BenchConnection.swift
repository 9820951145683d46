// SPDX-License-Identifier: Apache-2.0

import Foundation
import KMSProtocol
import NIOCore

/// What all connections share, on their one event loop.
final class BenchLoad {
    /// Signed requests, in turn.
    var pool: [ByteBuffer]
    var isOver = false
    /// Counting begins after the warm-up.
    var isCounting = false
    private(set) var latencies = LatencyHistogram()
    private(set) var errors: [String: UInt64] = [:]
    private var next = 0

    init(pool: [ByteBuffer]) { self.pool = pool }

    func nextRequest() -> ByteBuffer {
        next = next + 1 < pool.count ? next + 1 : 0
        return pool[next]
    }

    func answered(after time: TimeAmount) {
        if isCounting { latencies.record(nanoseconds: UInt64(max(0, time.nanoseconds))) }
    }

    /// Always counted: an error of the warm-up is one too.
    func failed(_ name: String, count: Int = 1) { errors[name, default: 0] += UInt64(count) }
}

/// One kept connection: as many requests under way as the pipeline is deep, the next one sent as an answer arrives.
final class BenchConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let load: BenchLoad
    private let depth: Int
    private var sent = CircularBuffer<NIODeadline>(initialCapacity: 16)
    private var received = ByteBuffer()

    init(_ load: BenchLoad, depth: Int) {
        self.load = load
        self.depth = depth
    }

    /// Requests without an answer.
    var outstanding: Int { sent.count }

    func start(_ context: ChannelHandlerContext) { fill(context) }

    func channelActive(context: ChannelHandlerContext) {
        fill(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        if received.readableBytes == 0 { received = bytes } else { received.writeImmutableBuffer(bytes) }
        takeResponses(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        fill(context)
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !sent.isEmpty { load.failed("ConnectionClosed", count: sent.count) }
        sent.removeAll()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func fill(_ context: ChannelHandlerContext) {
        guard !load.isOver, context.channel.isActive, sent.count < depth else { return }
        while sent.count < depth {
            sent.append(.now())
            context.write(Self.wrapOutboundOut(load.nextRequest()), promise: nil)
        }
        context.flush()
    }

    private func takeResponses(_ context: ChannelHandlerContext) {
        while received.readableBytes > 0 {
            let result = unsafe received.withUnsafeReadableBytes { bytes in
                unsafe ResponseScanner.scan(bytes.assumingMemoryBound(to: UInt8.self).span)
            }
            switch result {
            case .incomplete: return
            case .malformed:
                load.failed("MalformedResponse")
                return context.close(promise: nil)
            case .complete(let response): take(response, context)
            }
        }
    }

    private func take(_ response: ResponseScanner.Response, _ context: ChannelHandlerContext) {
        guard let start = sent.popFirst() else {
            load.failed("UnexpectedResponse")
            return context.close(promise: nil)
        }
        if response.status == 200 {
            load.answered(after: .now() - start)
            received.moveReaderIndex(forwardBy: response.headLength + response.bodyLength)
        } else {
            received.moveReaderIndex(forwardBy: response.headLength)
            let body = received.readBytes(length: response.bodyLength) ?? []
            load.failed(KMSError(body: body)?.name ?? "HTTP\(response.status)")
        }
        if response.closes { context.close(promise: nil) }
    }
}
