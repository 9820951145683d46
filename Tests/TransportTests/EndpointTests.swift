// SPDX-License-Identifier: Apache-2.0

import Testing
import Transport

struct EndpointTests {
    @Test(arguments: [
        ("tcp://127.0.0.1:4600", Endpoint.tcp(host: "127.0.0.1", port: 4600)),
        ("tcp://localhost:0", .tcp(host: "localhost", port: 0)),
        ("tcp://[::1]:80", .tcp(host: "::1", port: 80)),
        ("unix:///run/a b.sock", .unix(path: "/run/a b.sock")),
        ("vsock://3:7000", .vsock(cid: 3, port: 7000)),
        ("vsock://any:7001", .vsock(cid: nil, port: 7001)),
    ])
    func `reads each form and writes it again`(text: String, endpoint: Endpoint) throws {
        #expect(try Endpoint(text) == endpoint)
        #expect(endpoint.description == text)
    }

    @Test(arguments: [
        "", "tcp://", "tcp://host", "tcp://host:", "tcp://:80", "tcp://host:65536", "tcp://host:+80", "tcp://host:080",
        "tcp://ho st:80", "tcp://::1:80", "tcp://[::1:80", "tcp://host:80/", "http://host:80", "unix://", "unix:///",
        "unix://relative", "unix:///a\0b", "unix:///a\nb", "vsock://3", "vsock://x:1", "vsock://-1:1",
        "vsock://4294967295:1", "vsock://any:0", "vsock://3:0", "vsock://3:4294967295",
        "vsock://any:4294967296", "TCP://host:80",
    ])
    func `refuses what is none`(text: String) {
        #expect(throws: EndpointError.self) { try Endpoint(text) }
    }

    @Test(arguments: [
        ("vsock://any:7000", "vsock://1:7000"), ("vsock://3:7000", "vsock://3:7000"),
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1"), ("unix:///x", "unix:///x"),
    ])
    func `who listens on any CID is reached at the loopback CID from this machine`(text: String, here: String) throws {
        let endpoint = try Endpoint(text)
        #expect(endpoint.onThisMachine.description == here)
        #expect(endpoint.isConnectable == !text.contains("any"))
        #expect(endpoint.onThisMachine.isConnectable)
    }

    @Test func `refuses a socket path that the system would cut off`() throws {
        _ = try Endpoint("unix:///" + String(repeating: "a", count: Endpoint.maximumPathLength - 1))
        #expect(throws: EndpointError.self) {
            try Endpoint("unix:///" + String(repeating: "a", count: Endpoint.maximumPathLength))
        }
    }

    @Test func `an error is one printable line`() {
        let error = #expect(throws: EndpointError.self) {
            try Endpoint("x\n\u{1B}[31m" + String(repeating: "y", count: 500))
        }
        #expect(error?.description.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } == true)
        #expect((error?.description.utf8.count ?? 1000) < 500)
    }
}
