// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Transport

struct WebTransportTests {
    /// An address where nobody listens any more.
    private func closedURL() async throws -> String {
        var closed = ""
        try await withWebServer({ _, loop in answer(loop, .ok) }) { _, url in closed = url }
        return closed
    }

    @Test func `sends a body with its headers and gives back status, headers and body`() async throws {
        try await withWebServer({ request, loop in
            var headers = request.headers
            headers.remove(name: "content-length")
            return loop.makeSucceededFuture(
                HTTPResponse(status: .imATeapot, headers: ["X-Seen": headers["x-a"].joined()], body: request.body)
            )
        }) { _, url in
            let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
            let response = try await WebTransport().post(
                url + "/path",
                headers: [("X-A", "b"), ("X-Empty", "")],
                body: body
            )
            #expect(response.status == 418)
            #expect(response.header("x-seen") == "b")
            #expect(response.body == body)
        }
    }

    @Test func `keeps its connection`() async throws {
        try await withWebServer({ request, loop in answer(loop, .ok) }) { server, url in
            let transport = WebTransport()
            for _ in 0..<20 { _ = try await transport.post(url, headers: [], body: [1]) }
            #expect(server.connectionCount == 1)
        }
    }

    @Test func `many calls at once share few connections`() async throws {
        try await withWebServer({ request, loop in
            loop.scheduleTask(in: .milliseconds(20)) { HTTPResponse(status: .ok, body: request.body) }.futureResult
        }) { server, url in
            let transport = WebTransport()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        let response = try await transport.post(url, headers: [], body: [UInt8(index)])
                        #expect(response.body == [UInt8(index)])
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.connectionCount <= 4)
        }
    }

    @Test func `does not follow a redirect`() async throws {
        try await withWebServer({ request, loop in
            request.target == "/" ? answer(loop, .found, "", ["Location": "/other"]) : answer(loop, .ok)
        }) { _, url in
            let response = try await WebTransport().get(url + "/", headers: [])
            #expect(response.status == 302)
        }
    }

    @Test func `speaks http and https only`() async throws {
        for url in ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/"] {
            let error = await #expect(throws: WebError.self) { try await WebTransport().get(url, headers: []) }
            #expect(error == .unreachable("Unsupported protocol"))
        }
    }

    @Test func `an answer beyond the limit is refused, declared or not`() async throws {
        try await withWebServer({ request, loop in answer(loop, .ok, String(repeating: "a", count: 1001)) }) { _, url in
            await #expect(throws: WebError.responseTooLarge) {
                try await WebTransport(maximumResponseLength: 1000).get(url, headers: [])
            }
            let response = try await WebTransport(maximumResponseLength: 1001).get(url, headers: [])
            #expect(response.body.count == 1001)
        }
    }

    @Test func `no answer in time is a timeout, and the next call is not disturbed`() async throws {
        try await withWebServer({ request, loop in
            request.target == "/never" ? loop.makePromise().futureResult : answer(loop, .ok)
        }) { _, url in
            let transport = WebTransport(timeoutSeconds: 1)
            await #expect(throws: WebError.timeout) { try await transport.get(url + "/never", headers: []) }
            let response = try await transport.get(url + "/", headers: [])
            #expect(response.status == 200)
        }
    }

    @Test func `nobody there is unreachable in libcurl's words, without the address`() async throws {
        let closed = try await closedURL()
        let error = await #expect(throws: WebError.self) {
            try await WebTransport().get(closed, headers: [])
        }
        #expect(error == .unreachable("Couldn't connect to server"))
    }

    @Test(arguments: [("A", "b\r\nC: d"), ("A\r\nC", "d"), ("A: b", "c"), ("", "a"), ("A", "b\0c")])
    func `a header cannot make another one`(name: String, value: String) async throws {
        try await withWebServer({ _, loop in answer(loop, .ok) }) { _, url in
            await #expect(throws: WebError.unreachable("a header is not well formed")) {
                try await WebTransport().get(url, headers: [(name, value)])
            }
        }
    }

    @Test func `checks the certificate, the name, and a key that is pinned`() async throws {
        let folder = try TemporaryDirectory()
        try await Tool.succeed(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
                "-out", "certificate.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost",
            ],
            in: folder.path
        )
        let port = try FreePort.next()
        let server = try Programs.start(
            [
                "openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", "certificate.pem", "-key", "key.pem",
                "-www", "-quiet",
            ],
            in: folder.path,
            log: folder.file("log")
        )
        defer { server.terminate() }

        let trusting = WebTransport(certificateAuthorityFile: folder.path + "/certificate.pem")
        var status = 0
        for _ in 0..<50 where status == 0 {
            status = (try? await trusting.get("https://localhost:\(port)/", headers: []).status) ?? 0
            if status == 0 { try await Task.sleep(for: .milliseconds(100)) }
        }
        #expect(status == 200)
        let stranger = await #expect(throws: WebError.self) {
            try await WebTransport().get("https://localhost:\(port)/", headers: [])
        }
        #expect(stranger == .untrustedCertificate)
        let wrongName = await #expect(throws: WebError.self) {
            try await trusting.get("https://127.0.0.1:\(port)/", headers: [])
        }
        #expect(wrongName == .untrustedCertificate)

        let spki = try await Tool.succeed(
            "sh",
            ["-c", "openssl x509 -in certificate.pem -noout -pubkey | openssl pkey -pubin -outform DER"],
            in: folder.path
        )
        for (pin, isRight) in [(Hash.digest(.sha256, spki.output), true), ([UInt8](repeating: 1, count: 32), false)] {
            let pinned = WebTransport(certificateAuthorityFile: folder.path + "/certificate.pem", pinnedKeyDigest: pin)
            let answer = try? await pinned.get("https://localhost:\(port)/", headers: []).status
            #expect(answer == (isRight ? 200 : nil))
        }
    }
}
