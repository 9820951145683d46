// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Transport

/// What comes through to the server, and what is shed before it.
struct IngressGateTests {
    private static let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    /// A record of the handshake type that begins a ClientHello and never ends it.
    private static let beginning: [UInt8] = [22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]

    @Test func `a request in clear to a TLS port gets a sentence and no answer`() async throws {
        try await TLSRig.run { rig in
            let client = try RawConnection(port: rig.port)
            try client.send(Self.request)
            let text = await client.receiveText()
            #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(text.contains("speaks TLS only"))
            #expect(rig.requests == 0)
        }
    }

    @Test func `a TLS handshake to a port in clear is closed`() async throws {
        try await TLSRig.run(speaksTLS: false) { rig in
            let result = try await rig.sClient([])
            #expect(result.status != 0)
            #expect(rig.requests == 0)
            let client = try RawConnection(port: rig.port)
            try client.send(Self.request)
            #expect(await client.receive(until: "\r\n\r\n").contains("X-Transport: clear"))
        }
    }

    @Test func `what is spoken is decided by a connection's first byte, not by when it was opened`() async throws {
        try await TLSRig.run(speaksTLS: false) { rig in
            let silent = try RawConnection(port: rig.port)
            let talking = try RawConnection(port: rig.port)
            try talking.send(Self.request)
            #expect(await talking.receive(until: "\r\n\r\n").contains("X-Transport: clear"))
            try rig.speakTLS()
            try silent.send(Self.request)
            #expect(await silent.receiveText().contains("speaks TLS only"))
            #expect(rig.requests == 1)
        }
    }

    @Test(arguments: [
        ("garbage", [UInt8](repeating: 22, count: 600)), ("a record of 16 MiB", [22, 3, 1, 0xFF, 0xFF] + beginning),
        ("SSL 2", [22, 2, 0, 0, 4, 1, 0, 0, 0]),
    ])
    func `a broken handshake is closed, and the next one is served`(broken: (name: String, bytes: [UInt8]))
        async throws
    {
        try await TLSRig.run { rig in
            let client = try RawConnection(port: rig.port)
            try client.send(broken.bytes)
            #expect(await client.isClosed(within: 5000))
            let response = try await rig.get(try TLSClient(trusting: rig.bundle, host: "127.0.0.1"))
            #expect(response.status == .ok)
        }
    }

    @Test func `a handshake that its client cuts off is closed`() async throws {
        try await TLSRig.run { rig in
            let client = try RawConnection(port: rig.port)
            try client.send(Self.beginning)
            client.finishSending()
            #expect(await client.isClosed(within: 5000))
        }
    }

    @Test(arguments: [[], [22], beginning])
    func `a handshake that does not go on is closed in time`(sent: [UInt8]) async throws {
        try await TLSRig.run(handshakeTimeout: .milliseconds(200)) { rig in
            let client = try RawConnection(port: rig.port)
            if !sent.isEmpty { try client.send(sent) }
            #expect(await client.isClosed(within: 8000))
            #expect(rig.requests == 0)
        }
    }

    @Test func `a handshake that is done has no such limit`() async throws {
        try await TLSRig.run(handshakeTimeout: .milliseconds(500)) { rig in
            // Two requests on one connection, the second one after that time.
            let script = """
                import http.client, ssl, sys, time
                context = ssl.create_default_context(cafile=sys.argv[1])
                connection = http.client.HTTPSConnection("localhost", int(sys.argv[2]), context=context)
                for pause in [0.8, 0]:
                    connection.request("POST", "/", body=b"x" * 100000)
                    print(len(connection.getresponse().read()))
                    time.sleep(pause)
                """
            let result = try await Tool.run("python3", ["-c", script, rig.bundle, "\(rig.port)"])
            #expect(result.text == "100000\n100000\n", "\(result.errors)")
        }
    }
}
