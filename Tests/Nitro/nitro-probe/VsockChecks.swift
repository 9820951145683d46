// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Transport

/// The transport over AF_VSOCK as the kernel has it, by the loopback CID: server, client, restarts of either.
struct VsockChecks {
    private let checks: Checks
    private let group = MultiThreadedEventLoopGroup.singleton
    private static let limits = HTTPLimits(bodyLength: 4 << 20)

    init(_ checks: Checks) { self.checks = checks }

    func run() async {
        await checks.check("a server on vsock://any answers at CID 1, 3 MiB there and back") {
            let server = try await start(7100)
            try await exchange(7100, 3 << 20)
            await server.shutdown(grace: .seconds(5))
        }
        await checks.check("a server on vsock://1 answers at CID 1") {
            let server = try await start(7101, cid: 1)
            try await exchange(7101, 10)
            await server.shutdown(grace: .seconds(5))
        }
        await checks.check("a port in use cannot be listened on") {
            let server = try await start(7102)
            do {
                _ = try await start(7102)
                throw Checks.Failure("listens twice")
            } catch let error as ListenerError {
                try expect(error.description.contains("in use"), error.description)
            }
            await server.shutdown(grace: .seconds(5))
        }
        await checks.check("a CID that this machine does not have cannot be listened on") {
            do {
                _ = try await start(7103, cid: 77)
                throw Checks.Failure("listens")
            } catch let error as ListenerError {
                try expect(error.description.contains("assign requested address"), error.description)
            }
        }
        await checks.check("nobody there is said at once") {
            let began = ContinuousClock.now
            let reason = try await unreachable(.vsock(cid: 1, port: 7104))
            try expect(reason.contains("reset"), reason)
            try expect(ContinuousClock.now - began < .seconds(5), "took \(ContinuousClock.now - began)")
        }
        await checks.check("a CID that nobody has is said within the timeout") {
            _ = try await unreachable(.vsock(cid: 77, port: 7105))
        }
        await checks.check("vsock://any is nobody to connect to") {
            let reason = try await unreachable(.vsock(cid: nil, port: 7106))
            try expect(reason.contains("names no one"), reason)
        }
        await checks.check("a client that has said all it has to say still gets its answer") {
            let server = try await start(7107)
            try await halfClosed(7107)
            await server.shutdown(grace: .seconds(5))
        }
        await checks.check("a kept connection is remade when the server starts again on the same port") {
            let client = client(7108)
            for _ in 0..<5 {
                let server = try await start(7108)
                try await exchange(client, 100)
                try await exchange(client, 100)
                await server.shutdown(grace: .zero)
            }
            await client.close()
        }
        await checks.check("256 connections at once") {
            let server = try await start(7109)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<256 { group.addTask { try await exchange(7109, 1000) } }
                try await group.waitForAll()
            }
            await server.shutdown(grace: .seconds(5))
        }
    }

    /// Inside an enclave: the parent is there at its CID and nowhere else. It sends back what it gets.
    func parent(_ relay: String) async {
        await checks.check("the parent answers at \(relay), ten times on connections of their own") {
            for number in 0..<10 {
                let text = "to the parent, for the \(number)th time"
                try expect(try await echo(of: text, from: try Endpoint(relay)), text)
            }
        }
        await checks.check("CID 2, the host of other hypervisors, is nobody to an enclave") {
            _ = try await unreachable(.vsock(cid: 2, port: 7000))
        }
        await checks.check("a port of the parent where nobody listens is said at once") {
            let reason = try await unreachable(.vsock(cid: 3, port: 7999))
            try expect(reason.contains("reset"), reason)
        }
    }

    private func echo(of text: String, from endpoint: Endpoint) async throws -> String {
        let answer = group.next().makePromise(of: String.self)
        let channel = try await Connector.connect(to: endpoint, group: group, timeout: .seconds(10)) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Collector(answer, upTo: text.utf8.count))
            }
        }.get()
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
        let came = try await answer.futureResult.get()
        try? await channel.close().get()
        return came
    }

    /// Stands in for another program's server, such as AWS's vsock-proxy on port 8000, until the process is killed.
    static func listen(port: UInt32) async {
        do {
            let server = try await HTTPServer.start(
                on: .vsock(cid: nil, port: port),
                group: MultiThreadedEventLoopGroup.singleton,
                limits: limits
            ) { _, loop in loop.makeSucceededFuture(HTTPResponse(status: .noContent)) }
            Checks.write("listening \(server.endpoint)")
            try await Task.sleep(for: .seconds(3600))
        } catch {
            Checks.write("FAIL vsock-listen: \(error)")
        }
    }

    private func start(_ port: UInt32, cid: UInt32? = nil) async throws -> HTTPServer {
        try await HTTPServer.start(on: .vsock(cid: cid, port: port), group: group, limits: Self.limits) {
            request,
            loop in
            loop.makeSucceededFuture(HTTPResponse(status: .ok, body: request.body))
        }
    }

    private func client(_ port: UInt32) -> HTTPClient {
        HTTPClient(.vsock(cid: 1, port: port), group: group, limits: Self.limits, timeout: .seconds(60))
    }

    private func exchange(_ port: UInt32, _ count: Int) async throws {
        let client = client(port)
        try await exchange(client, count)
        await client.close()
    }

    private func exchange(_ client: HTTPClient, _ count: Int) async throws {
        let body = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let response = try await client.send(HTTPRequest(method: .PUT, target: "/", body: body))
        try expect(response.body == body, "another body came back")
    }

    private func unreachable(_ endpoint: Endpoint) async throws -> String {
        let client = HTTPClient(endpoint, group: group, limits: Self.limits, timeout: .seconds(10))
        defer { Task { await client.close() } }
        do {
            _ = try await client.send(HTTPRequest(method: .GET, target: "/"))
        } catch HTTPClientError.unreachable(let reason) {
            return reason
        } catch HTTPClientError.timeout {
            return "timeout"
        }
        throw Checks.Failure("somebody answered")
    }

    private func halfClosed(_ port: UInt32) async throws {
        let answer = group.next().makePromise(of: String.self)
        let channel = try await Connector.connect(
            to: .vsock(cid: 1, port: port),
            group: group,
            timeout: .seconds(10)
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Collector(answer))
            }
        }.get()
        let request = "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
        try await channel.writeAndFlush(ByteBuffer(string: request)).get()
        try await channel.close(mode: .output).get()
        let text = try await answer.futureResult.get()
        try expect(text.hasPrefix("HTTP/1.1 200") && text.hasSuffix("hi"), "answered \(text.count) bytes")
        try? await channel.close().get()
    }
}

/// What comes until the end, or until there is enough.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var text = ""
    private var promise: EventLoopPromise<String>?

    private let enough: Int

    init(_ promise: EventLoopPromise<String>, upTo enough: Int = .max) {
        self.promise = promise
        self.enough = enough
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: Self.unwrapInboundIn(data))
        if text.utf8.count >= enough { promise.take()?.succeed(text) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed as ChannelEvent = event { promise.take()?.succeed(text) }
    }

    func channelInactive(context: ChannelHandlerContext) { promise.take()?.succeed(text) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { promise.take()?.fail(error) }
}
