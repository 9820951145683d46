// SPDX-License-Identifier: Apache-2.0

import Encoding
import HostRelay
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing
import Transport

/// The address of those who look after the host.
struct AdminTests {
    /// An admin address over an enclave that answers `/health` with this.
    private func withAdmin(
        _ status: HTTPResponseStatus,
        _ body: String,
        _ test: (HTTPClient, Readiness, Mutex<Int>.Box) async throws -> Void
    ) async throws {
        let asked = Mutex<Int>.Box(0)
        let enclave = try await HTTPServer.start(
            on: localPort,
            group: eventLoops,
            limits: HTTPLimits(bodyLength: 0)
        ) { request, loop in
            asked.mutex.withLock { $0 += request.target == "/health" ? 1 : 100 }
            return loop.makeSucceededFuture(HTTPResponse(status: status, body: ByteBuffer(string: body)))
        }
        try await withAdmin(enclave.endpoint) { try await test($0, $1, asked) }
        await enclave.shutdown(grace: .zero)
    }

    private func withAdmin(
        _ enclave: Endpoint,
        _ test: (HTTPClient, Readiness) async throws -> Void
    ) async throws {
        let readiness = Readiness(enclave: EnclaveAddress(enclave), group: eventLoops)
        let admin = try await AdminServer.start(on: localPort, group: eventLoops, readiness: readiness) { "a 1\n" }
        let client = HTTPClient(
            admin.endpoint,
            group: eventLoops,
            limits: HTTPLimits(bodyLength: 1 << 16),
            timeout: .seconds(10)
        )
        var failure: (any Error)?
        do { try await test(client, readiness) } catch { failure = error }
        await client.close()
        await admin.shutdown()
        if let failure { throw failure }
    }

    private func get(_ client: HTTPClient, _ target: String, _ method: HTTPMethod = .GET) async throws -> HTTPResponse {
        try await client.send(HTTPRequest(method: method, target: target))
    }

    static let states: [(HTTPResponseStatus, String, HTTPResponseStatus, String)] = [
        (.ok, #"{"state":"unlocked","version":"1"}"#, .ok, #"{"ready":true,"state":"unlocked"}"#),
        (
            .serviceUnavailable, #"{"state":"configured","reason":"kms-decrypt-failed"}"#, .serviceUnavailable,
            #"{"ready":false,"state":"configured","reason":"kms-decrypt-failed"}"#
        ),
        // A state that says one thing and a status that says another.
        (
            .serviceUnavailable, #"{"state":"unlocked"}"#, .serviceUnavailable, #"{"ready":false,"state":"unlocked"}"#
        ),
        (.ok, "hello", .serviceUnavailable, #"{"ready":false,"state":"unreachable"}"#),
        (.ok, #"{"state":"<b>"}"#, .serviceUnavailable, #"{"ready":false,"state":"unreachable"}"#),
    ]

    @Test(arguments: states)
    func `ready is what the enclave says of itself`(
        status: HTTPResponseStatus,
        body: String,
        expected: HTTPResponseStatus,
        answer: String
    ) async throws {
        try await withAdmin(status, body) { client, _, _ in
            let response = try await get(client, "/ready")
            #expect(response.status == expected)
            #expect(String(buffer: response.body) == answer)
        }
    }

    @Test func `without an enclave it is alive and not ready`() async throws {
        try await withAdmin(.unix(path: "/nowhere/enclave.sock")) { client, _ in
            let health = try await get(client, "/health")
            #expect(health.status == .ok && String(buffer: health.body).contains(#""status":"ok""#))
            let ready = try await get(client, "/ready")
            #expect(ready.status == .serviceUnavailable)
            #expect(String(buffer: ready.body) == #"{"ready":false,"state":"unreachable"}"#)
        }
    }

    @Test func `while it drains it is not ready, whatever the enclave says`() async throws {
        try await withAdmin(.ok, #"{"state":"unlocked"}"#) { client, readiness, _ in
            readiness.drain()
            let ready = try await get(client, "/ready")
            #expect(ready.status == .serviceUnavailable)
        }
    }

    @Test func `whoever asks often does not make the enclave be asked as often`() async throws {
        try await withAdmin(.ok, #"{"state":"unlocked"}"#) { client, _, asked in
            let start = NIODeadline.now()
            for _ in 0..<50 { _ = try await get(client, "/ready") }
            let windows = (NIODeadline.now() - start).nanoseconds / 500_000_000 + 1
            #expect(asked.mutex.withLock { $0 } <= windows)
        }
    }

    @Test func `it gives metrics, takes nothing, and has nothing else`() async throws {
        try await withAdmin(.unix(path: "/nowhere/enclave.sock")) { client, _ in
            let metrics = try await get(client, "/metrics?x=1")
            #expect(metrics.headers["content-type"] == ["text/plain; version=0.0.4; charset=utf-8"])
            #expect(String(buffer: metrics.body) == "a 1\n")
            for method in [HTTPMethod.POST, .PUT, .DELETE] {
                let response = try await get(client, "/metrics", method)
                #expect(response.status == .methodNotAllowed)
            }
            for target in ["/", "/config", "/keyring", "/metrics/", "//metrics"] {
                let response = try await get(client, target)
                #expect(response.status == .notFound)
            }
        }
    }
}
