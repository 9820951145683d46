// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing
import Transport

struct HTTPServerTests {
    @Test func `answers a request and keeps the connection`() async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            for _ in 0..<3 {
                try client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
                let text = await client.receive(until: "hello")
                #expect(
                    text
                        == "HTTP/1.1 200 OK\r\nX-Target: /a\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
                )
            }
        }
    }

    @Test func `takes a request that comes a byte at a time`() async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            for byte in "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc".utf8 { try client.send([byte]) }
            #expect(await client.receive(until: "abc").hasSuffix("\r\n\r\nabc"))
        }
    }

    @Test func `takes two requests that are cut anywhere`() async throws {
        let request = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        let last = "POST /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nxyz"
        let bytes = Array((request + last).utf8)
        try await withServer { _, port in
            for cut in 1..<bytes.count {
                let client = try RawConnection(port: port)
                try client.send(Array(bytes[..<cut]))
                try client.send(Array(bytes[cut...]))
                let bodies = await client.receiveText().split(separator: "\r\n\r\n")
                #expect(bodies.count == 3 && bodies[1].hasPrefix("abcHTTP/1.1 200") && bodies[2] == "xyz")
            }
        }
    }

    @Test func `answers pipelined requests in their order`() async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            let targets = (0..<200).map { $0 % 50 == 0 ? "/slow\($0)" : "/fast\($0)" }
            try client.send(targets.map { "GET \($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
            let text = await client.receive(until: "/fast199\r\n")
            let order = text.split(separator: "\r\n").filter { $0.hasPrefix("X-Target: ") }.map {
                String($0.dropFirst(10))
            }
            #expect(order == targets)
        }
    }

    @Test func `answers what came before malformed input, then 400, then closes`() async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            try client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGARBAGE\r\n\r\n")
            let text = await client.receiveText()
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\nX-Target: /slow\r\n"))
            #expect(text.hasSuffix("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
        }
    }

    @Test(arguments: [
        ("no request line", "\u{0}\u{1}\u{2}\r\n\r\n", 400),
        ("TLS hello", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}\u{01}\r\n\r\n", 400),
        ("no version", "GET /\r\n\r\n", 400),
        ("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("unknown version", "GET / HTTP/9.9\r\nHost: h\r\n\r\n", 400),
        ("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("absolute form", "GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("target outside ASCII", "GET /\u{E9} HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("folded header", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400),
        ("space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
        ("empty header name", "GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", 400),
        ("zero byte in a header", "GET / HTTP/1.1\r\nHost: h\r\nA: \u{0}\r\n\r\n", 400),
        ("control character in a header", "GET / HTTP/1.1\r\nHost: h\r\nA: \u{1}\r\n\r\n", 400),
        ("bare CR in a header", "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", 400),
        (
            "length and chunks",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400
        ),
        (
            "chunks and length",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400
        ),
        ("two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        ("a list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na", 400),
        ("negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        ("length with a sign", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na", 400),
        ("length in hex", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\na", 400),
        ("length beyond 64 bits", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        ("unknown coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 411),
        (
            "coding that only looks chunked",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 411
        ),
        ("chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 411),
        (
            "a chunk extension",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n", 411
        ),
        ("chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        ("bare line feeds", "GET / HTTP/1.1\nHost: h\n\n", 400),
        ("a bare line feed after a header", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400),
        ("a bare line feed at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400),
        ("space before a header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400),
        ("tab in the request line", "GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("length with a space inside", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 1\r\n\r\na", 400),
        ("empty length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\na", 400),
        ("declared body too large", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1025\r\n\r\n", 413),
        ("expectation unknown", "POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", 417),
    ])
    func `refuses malformed input and goes on serving`(name: String, input: String, status: Int) async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            // Each scalar one byte: what stands there is what is sent.
            try client.send(input.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
            let text = await client.receiveText()
            #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text)")
            #expect(text.hasSuffix("Connection: close\r\n\r\n"))

            let other = try RawConnection(port: port)
            try other.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(await other.receiveText().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func `survives ten thousand random and mutated inputs`() async throws {
        try await withServer { server, port in
            var random = SplitMix(seed: 20_261_121)
            let valid = Array(
                "POST /abc HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nA: b\r\n\r\nhello"
                    .utf8
            )
            for round in 0..<10_000 {
                var input = valid
                if round % 10 == 0 {
                    input = (0..<Int.random(in: 1...64, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                } else {
                    for _ in 0..<Int.random(in: 1...4, using: &random) {
                        let index = Int.random(in: 0..<input.count, using: &random)
                        switch Int.random(in: 0..<3, using: &random) {
                        case 0: input[index] = UInt8.random(in: 0...255, using: &random)
                        case 1: input.remove(at: index)
                        default: input.insert(UInt8.random(in: 0...255, using: &random), at: index)
                        }
                    }
                }
                let client = try RawConnection(port: port)
                try? client.send(input)
                client.finishSending()
                if round % 20 == 0 { _ = await client.receive(milliseconds: 1_000) }
            }
            let other = try RawConnection(port: port)
            try other.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(await other.receiveText().hasPrefix("HTTP/1.1 200 "))
            _ = server
        }
    }

    @Test func `a body of exactly the limit is taken`() async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            let body = String(repeating: "a", count: 1024)
            try client.send("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1024\r\n\r\n" + body)
            #expect(await client.receiveText().hasSuffix("\r\n\r\n" + body))
        }
    }

    @Test func `headers beyond the limit get 431`() async throws {
        try await withServer { _, port in
            for input in [
                "GET / HTTP/1.1\r\nHost: h\r\nA: " + String(repeating: "a", count: 20_000) + "\r\n\r\n",
                "GET /" + String(repeating: "a", count: 20_000) + " HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "A: b\r\n", count: 100) + "\r\n",
            ] {
                let client = try RawConnection(port: port)
                try client.send(input)
                #expect(await client.receiveText().hasPrefix("HTTP/1.1 431 "))
            }
        }
    }

    @Test func `a client that sends slowly is shed`() async throws {
        let limits = HTTPLimits(bodyLength: 1024, requestTimeout: .milliseconds(200))
        try await withServer(limits: limits) { _, port in
            let client = try RawConnection(port: port)
            let start = NIODeadline.now()
            for byte in "GET / HTTP/1.1\r\nHost: ".utf8 {
                guard (try? client.send([byte])) != nil, await client.receive(milliseconds: 30) == nil else { break }
            }
            #expect(await client.isClosed(within: 3_000))
            #expect(NIODeadline.now() - start < .seconds(3))
        }
    }

    @Test func `a request that stops half way gets 408`() async throws {
        let limits = HTTPLimits(bodyLength: 1024, requestTimeout: .milliseconds(200))
        try await withServer(limits: limits) { _, port in
            let client = try RawConnection(port: port)
            try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
            #expect(await client.receiveText().hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func `an idle connection is closed without a word`() async throws {
        try await withServer(limits: HTTPLimits(bodyLength: 1024, idleTimeout: .milliseconds(200))) { _, port in
            let silent = try RawConnection(port: port)
            let used = try RawConnection(port: port)
            try used.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = await used.receive(until: "\r\n\r\n")
            #expect(await silent.receive(milliseconds: 3_000) == [])
            #expect(await used.receive(milliseconds: 3_000) == [])
        }
    }

    @Test func `a connection that waits for an answer is not idle`() async throws {
        try await withServer(
            limits: HTTPLimits(bodyLength: 1024, requestTimeout: .milliseconds(50), idleTimeout: .milliseconds(50))
        ) {
            _,
            port in
            let client = try RawConnection(port: port)
            try client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(await client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func `a client that reads nothing is shed`() async throws {
        let limits = HTTPLimits(bodyLength: 1024, requestTimeout: .milliseconds(300))
        let large = ByteBuffer(repeating: 0x61, count: 1 << 20)
        try await withServer(
            limits: limits,
            handler: { _, loop in
                loop.makeSucceededFuture(HTTPResponse(status: .ok, body: large))
            }
        ) { server, port in
            let client = try RawConnection(port: port)
            try client.send(String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 40))
            for _ in 0..<100 where server.connectionCount > 0 { try await Task.sleep(for: .milliseconds(30)) }
            #expect(server.connectionCount == 0)
            _ = client
        }
    }

    @Test func `connections beyond the bound are closed at once, and a freed place is given again`() async throws {
        try await withServer(limits: HTTPLimits(bodyLength: 1024, connections: 2)) { server, port in
            var first: RawConnection? = try RawConnection(port: port)
            try first?.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = await first?.receive(until: "\r\n\r\n")
            let second = try RawConnection(port: port)
            try second.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = await second.receive(until: "\r\n\r\n")

            let third = try RawConnection(port: port)
            #expect(await third.isClosed(within: 2_000))

            first = nil
            for _ in 0..<100 where server.connectionCount > 1 { try await Task.sleep(for: .milliseconds(20)) }
            let fourth = try RawConnection(port: port)
            try fourth.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(await fourth.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func `a client that has finished sending still gets its answers`() async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            try client.send("GET /slow1 HTTP/1.1\r\nHost: h\r\n\r\nGET /slow2 HTTP/1.1\r\nHost: h\r\n\r\n")
            client.finishSending()
            let text = await client.receiveText()
            #expect(text.contains("/slow1") && text.contains("/slow2"))
        }
    }

    @Test func `a large answer before closing arrives whole`() async throws {
        let large = ByteBuffer(repeating: 0x61, count: 8 << 20)
        try await withServer(handler: { _, loop in loop.makeSucceededFuture(HTTPResponse(status: .ok, body: large)) }) {
            _,
            port in
            let client = try RawConnection(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(await client.receiveAll().count > 8 << 20)
        }
    }

    @Test func `asks for the body of a client that waits for leave`() async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            try client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            #expect(await client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try client.send("hi")
            #expect(await client.receive(until: "hi").hasSuffix("\r\n\r\nhi"))
        }
    }

    @Test(arguments: [
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    ])
    func `closes after a request to change the protocol`(input: String) async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            try client.send(input + "GET /more HTTP/1.1\r\nHost: h\r\n\r\n")
            let text = await client.receiveText()
            #expect(text.contains("Connection: close") && !text.contains("/more"))
        }
    }

    @Test func `HEAD has the length and no body`() async throws {
        try await withServer { _, port in
            let client = try RawConnection(port: port)
            try client.send("HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab")
            let text = await client.receiveText()
            #expect(text.contains("Content-Length: 2\r\n") && text.hasSuffix("\r\n\r\n"))
        }
    }

    @Test func `a handler cannot split a response or set its framing`() async throws {
        try await withServer(handler: { request, loop in
            loop.makeSucceededFuture(
                HTTPResponse(
                    status: .ok,
                    headers: request.target == "/split"
                        ? ["X": "a\r\nSet-Cookie: b"] : ["Content-Length": "999", "Transfer-Encoding": "chunked"],
                    body: ByteBuffer(string: "ok")
                )
            )
        }) { _, port in
            let client = try RawConnection(port: port)
            try client.send("GET /split HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(
                await client.receive(until: "\r\n\r\n")
                    == "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
            )
            try client.send("GET /frame HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(await client.receive(until: "ok") == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    @Test func `a handler that fails is answered with 500`() async throws {
        struct Failure: Error {}
        try await withServer(handler: { _, loop in loop.makeFailedFuture(Failure()) }) { _, port in
            let client = try RawConnection(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(await client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 500 "))
        }
    }

    @Test func `takes answers that are completed on other threads`() async throws {
        try await withServer(handler: { request, loop in
            let promise = loop.makePromise(of: HTTPResponse.self)
            Task.detached { promise.succeed(HTTPResponse(status: .ok, body: request.body)) }
            return promise.futureResult
        }) { _, port in
            let client = try RawConnection(port: port)
            for index in 0..<100 {
                try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n\(1000 + index)")
                #expect(await client.receive(until: "\(1000 + index)").hasSuffix("\r\n\r\n\(1000 + index)"))
            }
        }
    }

    @Test func `shutdown lets a request under way finish and closes idle connections`() async throws {
        try await withServer { server, port in
            let idle = try RawConnection(port: port)
            let busy = try RawConnection(port: port)
            try busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            while server.connectionCount < 2 { try await Task.sleep(for: .milliseconds(10)) }
            try await Task.sleep(for: .milliseconds(50))
            await server.shutdown(grace: .seconds(30))
            #expect(await idle.receive() == [])
            let text = await busy.receiveText()
            #expect(text.hasPrefix("HTTP/1.1 200 ") && text.contains("Connection: close"))
            #expect(throws: (any Error).self) { try RawConnection(port: port) }
        }
    }

    @Test func `shutdown does not wait longer than the grace`() async throws {
        try await withServer { server, port in
            let busy = try RawConnection(port: port)
            try busy.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            while server.connectionCount < 1 { try await Task.sleep(for: .milliseconds(10)) }
            let start = NIODeadline.now()
            await server.shutdown(grace: .milliseconds(100))
            #expect(NIODeadline.now() - start < .seconds(3))
            #expect(await busy.isClosed(within: 1_000))
        }
    }
}

/// A small generator with a seed, so that a failure can be made again.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
