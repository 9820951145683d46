// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import Cryptography
import Encoding
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Transport

/// A server behind an ingress gate, and its certificate in a file for other tools.
final class TLSRig: Sendable {
    let identity: TLSIdentity
    let port: Int
    let folder: TemporaryDirectory
    private let server: HTTPServer
    private let state: State

    /// What the listener speaks, and how many requests came through to the handler.
    final class State: Sendable {
        let spoken: Mutex<IngressProtocol>
        let requests = Mutex(0)
        init(_ spoken: IngressProtocol) { self.spoken = Mutex(spoken) }
    }

    static func issue(key: PrivateKey? = nil) throws -> TLSIdentity {
        try TLSIdentity.issue(
            TLSIdentity.Request(
                commonName: "audit",
                names: [.dnsName("localhost"), .ipAddress([127, 0, 0, 1])],
                key: key,
                time: Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
            ),
            random: SecureRandom.bytes
        )
    }

    private init(_ identity: TLSIdentity, _ server: HTTPServer, _ state: State) throws {
        self.identity = identity
        self.server = server
        self.state = state
        port = if case .tcp(_, let port) = server.endpoint { port } else { 0 }
        folder = try TemporaryDirectory()
        try folder.write("server.pem", identity.certificate.pem)
    }

    /// Runs a test against a server that answers whether the transport is secure, and echoes bodies.
    static func run(
        speaksTLS: Bool = true,
        handshakeTimeout: TimeAmount = IngressGate.handshakeTimeout,
        _ body: (TLSRig) async throws -> Void
    ) async throws {
        let identity = try issue()
        let state = State(speaksTLS ? .tls(try TLSServer(identity)) : .plain)
        let server = try await HTTPServer.start(
            on: .tcp(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            limits: HTTPLimits(bodyLength: 1 << 20),
            prelude: { _ in [IngressGate(timeout: handshakeTimeout) { state.spoken.withLock { $0 } }] },
            handler: { request, loop in
                state.requests.withLock { $0 += 1 }
                let text = request.isSecureTransport ? "secure" : "clear"
                return loop.makeSucceededFuture(
                    HTTPResponse(status: .ok, headers: ["X-Transport": text], body: request.body)
                )
            }
        )
        let rig = try TLSRig(identity, server, state)
        do {
            try await body(rig)
        } catch {
            await server.shutdown(grace: .zero)
            throw error
        }
        await server.shutdown(grace: .zero)
    }

    /// From now on.
    func speakTLS() throws {
        let tls = try TLSServer(identity)
        state.spoken.withLock { $0 = .tls(tls) }
    }

    var requests: Int { state.requests.withLock { $0 } }
    var bundle: String { folder.file("server.pem") }

    /// One request by this product's own client.
    func get(_ client: TLSClient) async throws -> HTTPResponse {
        let deadline = NIODeadline.now() + .seconds(30)
        let connection = try await HTTPConnection.open(
            to: .tcp(host: "127.0.0.1", port: port),
            group: MultiThreadedEventLoopGroup.singleton,
            limits: HTTPLimits(bodyLength: 1 << 20),
            by: deadline
        ) { _ in try client.handlers() }
        do {
            let response = try await connection.send(HTTPRequest(method: .GET, target: "/"), by: deadline)
            await connection.close()
            return response
        } catch {
            await connection.close()
            throw error
        }
    }

    /// `openssl s_client` with one request on standard input.
    func sClient(_ arguments: [String]) async throws -> Tool.Result {
        try await Tool.run(
            "openssl",
            ["s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", bundle, "-ign_eof"] + arguments,
            input: Array("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        )
    }
}
