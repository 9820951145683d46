// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import TestSupport
import Testing

/// Input of every bad kind at every listener; afterwards the same processes still serve.
struct MalformedInputTests {
    enum Listener: String, CaseIterable {
        case ingress, relay, enclave, kms
    }

    static let inputs: [[UInt8]] = {
        func http(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func random(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 56)
            }
        }
        let target = "X-Amz-Target: TrentService.Sign\nContent-Type: application/x-amz-json-1.1"
        return [
            [], [0], random(1), random(100), random(70_000),
            http("\n\n\n\n"),
            http("GET\n\n"),
            http("GET / HTTP/9.9\nHost: x\n\n"),
            http("GET / HTTP/1.1\n\n"),
            http("POST / HTTP/1.1\nHost: x\nContent-Length: -1\n\n"),
            http("POST / HTTP/1.1\nHost: x\nContent-Length: 99999999999999999999\n\n"),
            http("POST / HTTP/1.1\nHost: x\nContent-Length: 1000000000\n\nabc"),
            http("POST / HTTP/1.1\nHost: x\nContent-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n"),
            http("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nFFFFFFFFFFFFFFFFF\n"),
            http("POST / HTTP/1.1\nHost: x\n\(target)\nContent-Length: 2\n\n{}"),
            http("POST / HTTP/1.1\nHost: x\n\(target)\nContent-Length: 1\n\n{"),
            http(
                "POST / HTTP/1.1\nHost: x\nAuthorization: AWS4-HMAC-SHA256 Credential=///,SignedHeaders=;;;,Signature=zz\n\(target)\nContent-Length: 0\n\n"
            ),
            http(
                "POST / HTTP/1.1\nHost: x\nX-Amz-Target: \(String(repeating: "A.", count: 4000))\nContent-Length: 0\n\n"
            ),
            http("GET /attestation?nonce=zz HTTP/1.1\nHost: x\n\n"),
            http("GET /attestation?nonce=\(String(repeating: "00", count: 65)) HTTP/1.1\nHost: x\n\n"),
            http("GET /attestation?nonce=&nonce=&key=%00%ff HTTP/1.1\nHost: x\n\n"),
            http("GET /%00%ff/../.. HTTP/1.1\nHost: x\n\n"),
            http("PUT /keyring HTTP/1.1\nHost: x\nKeyring-Version: 18446744073709551616\nContent-Length: 1\n\na"),
            http("PUT /keyring HTTP/1.1\nHost: x\nKeyring-Version: 7\nContent-Length: 1\n\na"),
            http("POST /log HTTP/1.1\nHost: x\nContent-Length: 5\n\n\u{0}{\"a\"\n"),
            http("POST /kms HTTP/1.1\nHost: x\nX-Amz-Target: TrentService.DeleteEverything\nContent-Length: 2\n\n{}"),
            http("A: \(String(repeating: "h", count: 100_000))\n\n"),
            http("GET / HTTP/1.1\nHost: x\nX: \(String(repeating: "h", count: 100_000))\n\n"),
            http("GET / HTTP/1.1\n" + (0..<5000).map { "H\($0): x\n" }.joined() + "\n"),
            [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC] + random(500),
        ]
    }()

    @Test func `malformed input to every listener leaves it serving`() async throws {
        let broker = try await RunningBroker()
        let enclave = try broker.enclavePID()
        for listener in Listener.allCases {
            for input in Self.inputs {
                try Self.send(input, to: listener, of: broker)
            }
        }
        #expect(try broker.enclavePID() == enclave, "the enclave was restarted")
        #expect(broker.host.isRunning)
        #expect(broker.kms.isRunning)
        let answer = try await broker.client().call(
            "TrentService.Sign",
            ["KeyId": "alias/audit-ed25519", "Message": "ZXZlbnQ=", "SigningAlgorithm": "ED25519_SHA_512"]
        )
        #expect(answer["Signature"]?.string?.count == 88)
    }

    /// Connects, writes, reads until the peer closes or half a second passes.
    private static func send(_ input: [UInt8], to listener: Listener, of broker: RunningBroker) throws {
        let descriptor: Int32
        switch listener {
        case .ingress: descriptor = try connect(port: port(of: broker.url))
        case .kms: descriptor = try connect(port: port(of: broker.kmsURL))
        case .relay: descriptor = try connect(path: broker.folder.file("relay.sock"))
        case .enclave: descriptor = try connect(path: broker.folder.file("enclave.sock"))
        }
        defer { close(descriptor) }
        var timeout = timeval(tv_sec: 0, tv_usec: 100_000)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var rest = input[...]
        while !rest.isEmpty {
            // The peer may well close first.
            let sent = unsafe rest.withUnsafeBytes {
                unsafe Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { break }
            rest = rest.dropFirst(sent)
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        _ = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    }

    private static func port(of url: String) throws -> UInt16 {
        try RunningBroker.require(URL(string: url)?.port.flatMap { UInt16(exactly: $0) })
    }

    private static func connect(port: UInt16) throws -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        address.sin_port = port.bigEndian
        return try connect(&address, family: AF_INET)
    }

    private static func connect(path: String) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        return try connect(&address, family: AF_UNIX)
    }

    private static func connect<Address>(_ address: inout Address, family: Int32) throws -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard connected == 0 else { throw Unexpected("a listener does not accept connections any more") }
        return descriptor
    }
}
