// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing
import Transport

struct HTTPClientTests {
    private func client(
        _ endpoint: Endpoint,
        bodyLength: Int = 1024,
        timeout: TimeAmount = .seconds(5)
    ) -> HTTPClient {
        HTTPClient(
            endpoint,
            group: MultiThreadedEventLoopGroup.singleton,
            limits: HTTPLimits(bodyLength: bodyLength),
            timeout: timeout
        )
    }

    /// A peer that answers the n-th connection's first bytes with the n-th answer and then closes it, or keeps it.
    private func withPeer(_ answers: [String], closes: Bool, _ body: (Endpoint, Counter) async throws -> Void)
        async throws
    {
        let counter = Counter()
        let listener = try await Listener.bind(
            .tcp(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            maximumConnections: 10
        ) { channel in
            let number = counter.next()
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    Answerer(number < answers.count ? answers[number] : "", closes: closes)
                )
            }
        }
        do {
            try await body(listener.endpoint, counter)
        } catch {
            await listener.shutdown(grace: .zero)
            throw error
        }
        await listener.shutdown(grace: .zero)
    }

    @Test func `sends and receives over one kept connection`() async throws {
        try await withServer { server, _ in
            let client = client(server.endpoint)
            for index in 0..<20 {
                let response = try await client.send(
                    HTTPRequest(method: .POST, target: "/\(index)", body: ByteBuffer(string: "body \(index)"))
                )
                #expect(response.status == .ok)
                #expect(response.headers["x-target"] == ["/\(index)"])
                #expect(String(buffer: response.body) == "body \(index)")
            }
            #expect(server.connectionCount == 1)
            await client.close()
        }
    }

    @Test func `callers take turns`() async throws {
        try await withServer { server, _ in
            let client = client(server.endpoint)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<50 {
                    group.addTask {
                        let response = try await client.send(
                            HTTPRequest(method: .POST, target: "/", body: ByteBuffer(string: "\(index)"))
                        )
                        #expect(String(buffer: response.body) == "\(index)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.connectionCount == 1)
            await client.close()
        }
    }

    @Test func `connects again when the peer closed the kept connection`() async throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        try await withPeer([answer, answer, answer], closes: true) { endpoint, counter in
            let client = client(endpoint)
            for _ in 0..<3 {
                let response = try await client.send(HTTPRequest(method: .GET, target: "/"))
                #expect(response.status == .ok)
            }
            #expect(counter.count == 3)
            await client.close()
        }
    }

    @Test func `connects again after the server was restarted`() async throws {
        let path = temporaryPath("restart.sock")
        let client = client(.unix(path: path))
        for _ in 0..<2 {
            try await withServer(on: .unix(path: path)) { _, _ in
                let response = try await client.send(HTTPRequest(method: .GET, target: "/"))
                #expect(response.status == .ok)
            }
        }
        await #expect(throws: HTTPClientError.self) { try await client.send(HTTPRequest(method: .GET, target: "/")) }
        await client.close()
    }

    @Test func `nobody there is unreachable, with the reason`() async throws {
        let client = client(.unix(path: temporaryPath("nobody.sock")))
        await #expect(throws: HTTPClientError.unreachable("No such file or directory")) {
            try await client.send(HTTPRequest(method: .GET, target: "/"))
        }
        await client.close()
    }

    @Test func `no answer in time is a timeout, and the next request is not disturbed`() async throws {
        try await withServer { server, _ in
            let client = client(server.endpoint, timeout: .milliseconds(150))
            await #expect(throws: HTTPClientError.timeout) {
                try await client.send(HTTPRequest(method: .GET, target: "/never"))
            }
            let response = try await client.send(HTTPRequest(method: .GET, target: "/next"))
            #expect(response.headers["x-target"] == ["/next"])
            await client.close()
        }
    }

    @Test(arguments: [
        "", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "a", count: 1025),
        "HTTP/1.1 200 OK\r\nA: " + String(repeating: "a", count: 20_000) + "\r\n\r\n",
    ])
    func `what is not a response within the limits is refused`(answer: String) async throws {
        try await withPeer([answer], closes: true) { endpoint, _ in
            let client = client(endpoint)
            await #expect(throws: HTTPClientError.malformedResponse) {
                try await client.send(HTTPRequest(method: .POST, target: "/"))
            }
            await client.close()
        }
    }

    @Test func `a POST that the peer took without answering is not sent again`() async throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        try await withPeer([answer, answer], closes: false) { endpoint, counter in
            let client = client(endpoint, timeout: .milliseconds(300))
            _ = try await client.send(HTTPRequest(method: .POST, target: "/"))
            // The peer answers only the first request of a connection.
            await #expect(throws: HTTPClientError.timeout) {
                try await client.send(HTTPRequest(method: .POST, target: "/"))
            }
            #expect(counter.count == 1)
            await client.close()
        }
    }

    @Test func `a body that lasts until the peer closes is taken`() async throws {
        try await withPeer(["HTTP/1.0 200 OK\r\n\r\nall of it"], closes: true) { endpoint, _ in
            let client = client(endpoint)
            let response = try await client.send(HTTPRequest(method: .GET, target: "/"))
            #expect(String(buffer: response.body) == "all of it")
            await client.close()
        }
    }

    @Test func `bytes after the response end the connection and reach nobody`() async throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
        try await withPeer([answer + answer, answer], closes: false) { endpoint, counter in
            let client = client(endpoint)
            _ = try? await client.send(HTTPRequest(method: .GET, target: "/"))
            try await Task.sleep(for: .milliseconds(50))
            let response = try await client.send(HTTPRequest(method: .GET, target: "/"))
            #expect(response.status == .ok)
            #expect(counter.count == 2)
            await client.close()
        }
    }

    @Test func `a request cannot be split by a header or target`() async throws {
        try await withServer { server, _ in
            let client = client(server.endpoint)
            await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPRequest(method: .GET, target: "/", headers: ["A": "b\r\nC: d"]))
            }
            await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPRequest(method: .GET, target: "/ HTTP/1.1\r\nC: d\r\n\r\n"))
            }
            let response = try await client.send(HTTPRequest(method: .GET, target: "/"))
            #expect(response.status == .ok)
            await client.close()
        }
    }

    @Test func `a closed client refuses`() async throws {
        try await withServer { server, _ in
            let client = client(server.endpoint)
            await client.close()
            await #expect(throws: HTTPClientError.unreachable("the client is closed")) {
                try await client.send(HTTPRequest(method: .GET, target: "/"))
            }
        }
    }
}

final class Counter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .sequentiallyConsistent) }
    func next() -> Int { value.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue }
}

/// Answers the first bytes of a connection with a fixed text.
private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String
    private let closes: Bool
    private var answered = false

    init(_ answer: String, closes: Bool) {
        self.answer = answer
        self.closes = closes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !answered else { return }
        answered = true
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        if closes { context.close(mode: .output, promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelEvent { context.close(promise: nil) }
    }
}
