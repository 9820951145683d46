// SPDX-License-Identifier: Apache-2.0

import HostRelay
import NIOCore
import Synchronization
import TestSupport
import Testing
import Transport

/// What a client costs the enclave before it has said anything: nothing.
struct SlowClientTests {
    /// Echoes, and counts the connections that there ever were.
    private final class Enclave: Sendable {
        let accepted = Atomic<Int>(0)

        final class Echo: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            typealias OutboundOut = ByteBuffer

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                context.writeAndFlush(Self.wrapOutboundOut(Self.unwrapInboundIn(data)), promise: nil)
            }

            func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
                if case ChannelEvent.inputClosed as ChannelEvent = event { context.close(promise: nil) }
            }
        }
    }

    private func withIngress(
        _ limits: IngressLimits,
        _ body: (_ port: Int, _ enclave: Enclave, _ ingress: Ingress) async throws -> Void
    ) async throws {
        let enclave = Enclave()
        let listener = try await Listener.bind(localPort, group: eventLoops, maximumConnections: 1000) { channel in
            enclave.accepted.add(1, ordering: .relaxed)
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Enclave.Echo())
            }
        }
        let ingress = try await Ingress.start(
            on: localPort,
            to: EnclaveAddress(listener.endpoint),
            group: eventLoops,
            logger: LogRecorder().logger,
            limits: limits
        )
        var failure: (any Error)?
        do { try await body(port(of: ingress.endpoint), enclave, ingress) } catch { failure = error }
        await ingress.shutdown()
        await listener.shutdown(grace: .zero)
        if let failure { throw failure }
    }

    private static let head = Array("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n".utf8)

    @Test func `clients that say nothing or dribble a head cost no connection, and are shed in time`() async throws {
        try await withIngress(IngressLimits(openingTime: .milliseconds(800))) { port, enclave, ingress in
            let start = NIODeadline.now()
            let clients = try (0..<60).map { _ in try RawConnection(port: port) }
            // A third is silent, a third sends a byte at a time, a third begins a TLS record.
            let hello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00] + [UInt8](repeating: 1, count: 200)
            for round in 0..<20 {
                for (index, client) in clients.enumerated() where index % 3 > 0 {
                    try? client.send([index % 3 == 1 ? Self.head[round] : hello[round]])
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(enclave.accepted.load(ordering: .relaxed) == 0)
            // One that comes to the point is served in the meantime.
            let honest = try RawConnection(port: port)
            try honest.send(Self.head)
            #expect(await honest.receive(count: Self.head.count) == Self.head)
            for client in clients { #expect(await client.isClosed(within: 10_000)) }
            #expect(NIODeadline.now() - start > .milliseconds(700))
            #expect(enclave.accepted.load(ordering: .relaxed) == 1)
            #expect(await eventually { ingress.connectionCount == 1 })
        }
    }

    static let openings: [(String, [UInt8])] = [
        ("the head of a request", head),
        ("a head with bare line feeds: what it is worth is the enclave's to say", Array("GET / HTTP/1.1\n\n".utf8)),
        ("a TLS record", [0x16, 0x03, 0x01, 0x00, 0x0A] + [UInt8](repeating: 0x0D, count: 10)),
        ("16 KiB of anything", [UInt8](repeating: 0x41, count: 16_384)),
    ]

    @Test(arguments: openings)
    func `a connection is made with the last byte of an opening, and all of it arrives`(
        name: String,
        bytes: [UInt8]
    ) async throws {
        try await withIngress(.standard) { port, enclave, _ in
            let client = try RawConnection(port: port)
            let step = max(1, bytes.count / 40)
            for start in stride(from: 0, to: bytes.count - 1, by: step) {
                try client.send(Array(bytes[start..<min(start + step, bytes.count - 1)]))
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(await client.receive(milliseconds: 100) == nil)
            #expect(enclave.accepted.load(ordering: .relaxed) == 0)
            try client.send([bytes[bytes.count - 1]])
            #expect(await client.receive(count: bytes.count) == bytes)
            try client.send("more")
            #expect(await client.receive(count: 4) == Array("more".utf8))
        }
    }

    @Test(arguments: ["", "POST / HTTP/1.1\r\nHost: h\r\n"])
    func `a client that ends before it has asked is closed, at no cost`(text: String) async throws {
        try await withIngress(.standard) { port, enclave, ingress in
            let client = try RawConnection(port: port)
            try client.send(text)
            client.finishSending()
            #expect(await client.isClosed(within: 10_000))
            #expect(await eventually { ingress.connectionCount == 0 })
            #expect(enclave.accepted.load(ordering: .relaxed) == 0)
        }
    }

    @Test func `one address has its share of connections, and leaves the others theirs`() async throws {
        try await withIngress(IngressLimits(connectionsPerAddress: 2)) { port, _, ingress in
            var first: RawConnection? = try RawConnection(port: port)
            let second = try RawConnection(port: port)
            #expect(await eventually { ingress.connectionCount == 2 })
            let third = try RawConnection(port: port)
            #expect(await third.isClosed(within: 10_000))
            let elsewhere = try RawConnection(port: port, from: 0x7F00_0002)
            try elsewhere.send(Self.head)
            #expect(await elsewhere.receive(count: Self.head.count) == Self.head)
            // A place that is free is given again.
            first = nil
            #expect(await eventually { ingress.connectionCount == 2 })
            let fourth = try RawConnection(port: port)
            try fourth.send(Self.head)
            #expect(await fourth.receive(count: Self.head.count) == Self.head)
            _ = (first, second)
        }
    }

    @Test func `connections to the enclave are bounded by themselves`() async throws {
        try await withIngress(IngressLimits(enclaveConnections: 1)) { port, enclave, _ in
            var first: RawConnection? = try RawConnection(port: port)
            try first?.send(Self.head)
            _ = await first?.receive(count: Self.head.count)
            let waiting = try RawConnection(port: port)
            let second = try RawConnection(port: port)
            try second.send(Self.head)
            #expect(await second.isClosed(within: 10_000))
            first = nil
            // The freed place goes to the one that had said nothing yet.
            var echoed: [UInt8] = []
            var client = waiting
            for _ in 0..<100 where echoed.isEmpty {
                try? client.send(Self.head)
                echoed = await client.receive(count: Self.head.count)
                if echoed.isEmpty { client = try RawConnection(port: port) }
            }
            #expect(echoed == Self.head)
            #expect(enclave.accepted.load(ordering: .relaxed) == 2)
        }
    }
}
