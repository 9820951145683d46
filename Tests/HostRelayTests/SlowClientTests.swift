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
        try await withIngress(IngressLimits(openingTime: .hours(1))) { port, enclave, _ in
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

    /// Asks, and has its answer.
    private func served(_ port: Int, from source: UInt32? = nil) async throws -> RawConnection {
        let client = try RawConnection(port: port, from: source)
        try client.send(Self.head)
        #expect(await client.receive(count: Self.head.count) == Self.head)
        return client
    }

    @Test func `of one address the silent make room for the next, and nobody else does`() async throws {
        try await withIngress(IngressLimits(connectionsPerAddress: 3, openingTime: .hours(1))) { port, _, ingress in
            let elsewhere = try RawConnection(port: port, from: 0x7F00_0002)
            let working = try await served(port)
            // One after the other: event loops take connections in any order.
            let first = try RawConnection(port: port)
            #expect(await eventually { ingress.counts.waiting == 2 })
            let second = try RawConnection(port: port)
            #expect(await eventually { ingress.counts.waiting == 3 })
            let third = try await served(port)
            #expect(await first.isClosed(within: 10_000))
            for client in [second, working, third, elsewhere] { #expect(await client.receive(milliseconds: 50) == nil) }
        }
    }

    @Test func `an address that is at work with all that it has gets no more`() async throws {
        try await withIngress(IngressLimits(connectionsPerAddress: 2, quietTime: .hours(1))) { port, _, _ in
            let clients = [try await served(port), try await served(port)]
            let third = try RawConnection(port: port)
            #expect(await third.isClosed(within: 10_000))
            let elsewhere = try await served(port, from: 0x7F00_0002)
            _ = (clients, elsewhere)
        }
        // Those that are only quiet make room.
        try await withIngress(IngressLimits(connectionsPerAddress: 2, quietTime: .zero)) { port, _, _ in
            let clients = [try await served(port), try await served(port)]
            let third = try await served(port)
            #expect(await clients[0].isClosed(within: 10_000))
            _ = (clients, third)
        }
    }

    @Test func `the silent of all addresses make room in the order in which they came`() async throws {
        try await withIngress(IngressLimits(connections: 3, openingTime: .hours(1))) { port, _, ingress in
            var silent: [RawConnection] = []
            for count in 1...3 {
                silent.append(try RawConnection(port: port, from: 0x7F00_0000 + UInt32(count)))
                #expect(await eventually { ingress.counts.waiting == count })
            }
            var clients: [RawConnection] = []
            for index in 0..<3 {
                clients.append(try await served(port, from: 0x7F00_0010))
                #expect(await silent[index].isClosed(within: 10_000))
            }
        }
    }

    @Test func `at the enclave, who has had an answer for long makes room`() async throws {
        try await withIngress(IngressLimits(enclaveConnections: 1, quietTime: .hours(1))) { port, _, _ in
            let first = try await served(port)
            let second = try RawConnection(port: port)
            try second.send(Self.head)
            // Not yet: it has only just been answered. In clear that is said.
            #expect(await second.receiveText().hasPrefix("HTTP/1.1 500 "))
            _ = first
        }
        try await withIngress(IngressLimits(enclaveConnections: 1, quietTime: .zero)) { port, _, _ in
            let first = try await served(port)
            let second = try await served(port)
            #expect(await first.isClosed(within: 10_000))
            _ = second
        }
    }

    @Test func `an address with many connections at the enclave makes room for one with fewer`() async throws {
        try await withIngress(IngressLimits(enclaveConnections: 3, quietTime: .hours(1))) { port, _, _ in
            let many = try (0..<3).map { _ in try RawConnection(port: port) }
            for client in many {
                try client.send(Self.head)
                #expect(await client.receive(count: Self.head.count) == Self.head)
            }
            let other = try await served(port, from: 0x7F00_0002)
            var closed = 0
            for client in many where await client.isClosed(within: 200) { closed += 1 }
            #expect(closed == 1)
            _ = other
        }
    }

    @Test func `a client that is refused a place in clear is told so in KMS's words, and TLS is closed`() async throws {
        let log = LogRecorder()
        let ingress = try await Ingress.start(
            on: localPort,
            to: EnclaveAddress(.unix(path: "/nowhere/enclave.sock")),
            group: eventLoops,
            logger: log.logger
        )
        let port = port(of: ingress.endpoint)
        for text in ["POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n", "GET /health HTTP/1.1\r\n\r\n"] {
            let client = try RawConnection(port: port)
            try client.send(text)
            // The body of the first goes on coming: it does not cost the answer.
            if text.hasPrefix("POST") { try client.send([UInt8](repeating: 0x20, count: 50_000)) }
            let answer = await client.receiveText()
            #expect(
                answer.hasPrefix("HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/x-amz-json-1.1\r\n")
            )
            #expect(answer.contains("\r\nx-amzn-ErrorType: KeyUnavailableException\r\n"))
            #expect(answer.contains(#"{"__type":"KeyUnavailableException","message":""#))
        }
        let tls = try RawConnection(port: port)
        try tls.send([0x16, 0x03, 0x01, 0x00, 0x02, 0x01, 0x00])
        #expect(await tls.receive() == [])
        await ingress.shutdown()
    }

    @Test func `draining lets answers out and closes who has one`() async throws {
        let enclave = try await Listener.bind(localPort, group: eventLoops, maximumConnections: 10) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(LateEcho())
            }
        }
        let ingress = try await Ingress.start(
            on: localPort,
            to: EnclaveAddress(enclave.endpoint),
            group: eventLoops,
            logger: LogRecorder().logger
        )
        let port = port(of: ingress.endpoint)
        let silent = try RawConnection(port: port)
        let asking = try RawConnection(port: port)
        try asking.send(Self.head)
        #expect(await eventually { ingress.connectionCount == 2 })
        try await Task.sleep(for: .milliseconds(100))
        let start = NIODeadline.now()
        async let ended: Void = ingress.shutdown()
        #expect(await asking.receive(count: Self.head.count) == Self.head)
        #expect(await asking.isClosed(within: 5_000))
        #expect(await silent.isClosed(within: 5_000))
        await ended
        // Before those that do not end are cut off.
        #expect(NIODeadline.now() - start < .milliseconds(4900))
        await enclave.shutdown(grace: .zero)
    }
}

/// Answers, after a while.
private final class LateEcho: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(500)) {
            context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed as ChannelEvent = event { context.close(promise: nil) }
    }
}
