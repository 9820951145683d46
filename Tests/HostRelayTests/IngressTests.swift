// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostRelay
import NIOCore
import TestSupport
import Testing
import Transport

/// The far side of an ingress: echoes, collects or stalls, as told.
private final class Peer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Behaviour: Sendable {
        case echo
        /// Answers with the number of bytes once the input has ended.
        case countAtEnd
        /// Says something, ends its output, and goes on reading.
        case greetAndHalfClose
        /// Sends this many bytes and closes.
        case send(Int)
        case resetAtOnce
    }

    private let behaviour: Behaviour
    private var count = 0

    init(_ behaviour: Behaviour) { self.behaviour = behaviour }

    func channelActive(context: ChannelHandlerContext) {
        switch behaviour {
        case .greetAndHalfClose:
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: "hello")), promise: nil)
            context.close(mode: .output, promise: nil)
        case .send(let count):
            let written = context.eventLoop.makePromise(of: Void.self)
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(repeating: 0x61, count: count)), promise: written)
            written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        case .resetAtOnce: context.close(promise: nil)
        case .echo, .countAtEnd: break
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        count += bytes.readableBytes
        if case .echo = behaviour { context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed as ChannelEvent = event else { return }
        let last = if case .countAtEnd = behaviour { ByteBuffer(string: "\(count)") } else { ByteBuffer() }
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(Self.wrapOutboundOut(last), promise: written)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }
}

/// What lets a client through: the head of a request.
private let head = "GET / HTTP/1.1\r\n\r\n"

struct IngressTests {
    private func withIngress(
        _ behaviour: Peer.Behaviour,
        limits: IngressLimits = IngressLimits(connections: 100),
        _ body: (Ingress, Listener) async throws -> Void
    ) async throws {
        let peer = try await Listener.bind(localPort, group: eventLoops, maximumConnections: 1000) { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Peer(behaviour)) }
        }
        let ingress = try await Ingress.start(
            on: localPort,
            to: EnclaveAddress(peer.endpoint),
            group: eventLoops,
            logger: LogRecorder().logger,
            limits: limits
        )
        var failure: (any Error)?
        do { try await body(ingress, peer) } catch { failure = error }
        await ingress.shutdown()
        await peer.shutdown(grace: .zero)
        if let failure { throw failure }
    }

    @Test func `a mebibyte of random bytes goes through and back unaltered`() async throws {
        try await withIngress(.echo) { ingress, _ in
            var generator = SystemRandomNumberGenerator()
            let bytes = (0..<131_072).flatMap { _ in
                unsafe withUnsafeBytes(of: generator.next() as UInt64) { unsafe [UInt8]($0) }
            }
            let client = try RawConnection(port: port(of: ingress.endpoint))
            async let echoed = client.receive(count: bytes.count)
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    try? client.send(bytes)
                    continuation.resume()
                }
            }
            let received = await echoed
            #expect(received == bytes)
        }
    }

    @Test func `the end of a client's input reaches the enclave, and its answer the client`() async throws {
        try await withIngress(.countAtEnd) { ingress, _ in
            let client = try RawConnection(port: port(of: ingress.endpoint))
            try client.send([UInt8](repeating: 7, count: 100_000))
            client.finishSending()
            #expect(await client.receiveText() == "100000")
        }
    }

    @Test func `clients that send and end before the enclave is reached lose nothing`() async throws {
        try await withIngress(.countAtEnd) { ingress, _ in
            let clients = try (0..<50).map { _ in
                let client = try RawConnection(port: port(of: ingress.endpoint))
                try client.send([UInt8](repeating: 7, count: 50_000))
                client.finishSending()
                return client
            }
            for client in clients { #expect(await client.receiveText() == "50000") }
        }
    }

    @Test func `the end of the enclave's output leaves the other direction open`() async throws {
        try await withIngress(.greetAndHalfClose) { ingress, peer in
            let client = try RawConnection(port: port(of: ingress.endpoint))
            try client.send(head)
            #expect(await client.receiveText() == "hello")
            try client.send("still")
            #expect(peer.connectionCount == 1)
            client.finishSending()
            #expect(await eventually { peer.connectionCount == 0 && ingress.connectionCount == 0 })
        }
    }

    @Test func `all that the enclave sent before closing arrives, also at a slow client`() async throws {
        try await withIngress(.send(8 << 20)) { ingress, _ in
            let client = try RawConnection(port: port(of: ingress.endpoint))
            try client.send(head)
            try await Task.sleep(for: .milliseconds(300))
            #expect(await client.receiveAll().count == 8 << 20)
        }
    }

    @Test func `the enclave's close closes the client, and the client's the enclave's`() async throws {
        try await withIngress(.resetAtOnce) { ingress, _ in
            let refused = try RawConnection(port: port(of: ingress.endpoint))
            try refused.send(head)
            #expect(await refused.isClosed(within: 5_000))
        }
        try await withIngress(.echo) { ingress, peer in
            var client: RawConnection? = try RawConnection(port: port(of: ingress.endpoint))
            try client?.send(head)
            _ = await client?.receive(count: head.utf8.count)
            #expect(peer.connectionCount == 1)
            client = nil
            #expect(await eventually { peer.connectionCount == 0 && ingress.connectionCount == 0 })
        }
    }

    @Test func `a client that reads nothing stops the enclave's output, not the host`() async throws {
        // Far more than all socket buffers together hold.
        let size = 64 << 20
        try await withIngress(.send(size)) { ingress, peer in
            let stalled = try RawConnection(port: port(of: ingress.endpoint))
            try stalled.send(head)
            #expect(await eventually { peer.connectionCount == 1 })
            // The peer closes once its output is taken: a host that kept what nobody reads would have taken it by then.
            try await Task.sleep(for: .milliseconds(500))
            #expect(peer.connectionCount == 1)
            let other = try RawConnection(port: port(of: ingress.endpoint))
            try other.send(head)
            #expect(await other.receive(count: 2) == Array("aa".utf8))
            // Now it reads, and everything comes.
            #expect(await stalled.receive(count: size).count == size)
        }
    }

    @Test func `without an enclave connections are closed, and it says so once a second`() async throws {
        let log = LogRecorder()
        let folder = try TemporaryDirectory()
        let ingress = try await Ingress.start(
            on: localPort,
            to: EnclaveAddress(.unix(path: "\(folder.path)/none.sock")),
            group: eventLoops,
            logger: log.logger
        )
        for _ in 0..<20 {
            let refused = try RawConnection(port: port(of: ingress.endpoint))
            try refused.send(head)
            #expect(await refused.isClosed(within: 5_000))
        }
        #expect((1...3).contains(log.lines.count))
        #expect(log.lines.first == "enclave unreachable connections=1 reason=No such file or directory")
        await ingress.shutdown()
    }

    @Test func `connections beyond the bound are closed`() async throws {
        try await withIngress(.echo, limits: IngressLimits(connections: 2)) { ingress, _ in
            let first = try RawConnection(port: port(of: ingress.endpoint))
            let second = try RawConnection(port: port(of: ingress.endpoint))
            for client in [first, second] {
                try client.send(head)
                _ = await client.receive(count: head.utf8.count)
            }
            let refused = try RawConnection(port: port(of: ingress.endpoint))
            #expect(await refused.isClosed(within: 5_000))
            try first.send("y")
            #expect(await first.receive(count: 1) == Array("y".utf8))
        }
    }
}
