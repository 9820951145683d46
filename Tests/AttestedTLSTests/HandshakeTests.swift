// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import Cryptography
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing
import Transport

/// TLS as `openssl`, `curl`, Python and this product's own client meet it.
struct HandshakeTests {
    @Test(arguments: [("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")])
    func `openssl agrees on TLS 1.3 and 1.2, and takes the certificate for its names`(
        version: (flag: String, name: String)
    ) async throws {
        try await TLSRig.run { rig in
            let result = try await rig.sClient([
                version.flag, "-alpn", "http/1.1", "-verify_return_error", "-verify_hostname", "localhost", "-purpose",
                "sslserver",
            ])
            #expect(result.text.contains("Verify return code: 0 (ok)"), "\(result.text)\(result.errors)")
            #expect(result.text.contains("New, \(version.name), Cipher is "))
            #expect(result.text.contains("ALPN protocol: http/1.1"))
            #expect(result.text.contains("Peer signature type: ECDSA"))
            #expect(result.text.contains("X-Transport: secure"))
        }
    }

    @Test(arguments: ["-tls1_1", "-tls1"])
    func `older versions are refused`(flag: String) async throws {
        try await TLSRig.run { rig in
            // Security level 0, or openssl itself would not offer them.
            let result = try await rig.sClient([flag, "-cipher", "ALL:@SECLEVEL=0"])
            #expect(result.status != 0)
            #expect(result.errors.contains("alert protocol version"), "\(result.errors)")
            #expect(rig.requests == 0)
        }
    }

    @Test func `suites without forward secrecy or authenticated encryption are refused`() async throws {
        try await TLSRig.run { rig in
            let result = try await rig.sClient(["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256"])
            #expect(result.status != 0)
            #expect(rig.requests == 0)
        }
    }

    @Test(arguments: ["-tls1_3", "-tls1_2"])
    func `a session resumes by its ticket`(flag: String) async throws {
        try await TLSRig.run { rig in
            let session = rig.folder.file("session")
            _ = try await rig.sClient([flag, "-sess_out", session])
            let again = try await rig.sClient([flag, "-sess_in", session])
            #expect(again.text.contains("Reused, TLSv1."), "\(again.text)\(again.errors)")
            #expect(again.text.contains("X-Transport: secure"))
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `curl talks to it with the certificate as its whole bundle, and not without`(host: String) async throws {
        try await TLSRig.run { rig in
            let url = "https://\(host):\(rig.port)/"
            let trusted = try await Tool.run("curl", ["-sS", "-i", "--max-time", "20", "--cacert", rig.bundle, url])
            #expect(trusted.text.contains("X-Transport: secure"), "\(trusted.errors)")
            let untrusted = try await Tool.run("curl", ["-sS", "--max-time", "20", url])
            #expect(untrusted.status == 60, "\(untrusted.errors)")
            #expect(rig.requests == 1)
        }
    }

    /// What Python 3.13 makes its default, and more.
    @Test func `Python takes the certificate as an anchor under strict rules, for its names only`() async throws {
        try await TLSRig.run { rig in
            let script = """
                import socket, ssl, sys
                context = ssl.create_default_context(cafile=sys.argv[1])
                context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
                for name in ["localhost", "127.0.0.1", "kms.us-east-1.amazonaws.com"]:
                    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as raw:
                        try:
                            with context.wrap_socket(raw, server_hostname=name) as tls: print(name, tls.version())
                        except ssl.SSLCertVerificationError as error: print(name, error.verify_message)
                """
            let result = try await Tool.run("python3", ["-c", script, rig.bundle, "\(rig.port)"])
            let lines = result.text.split(separator: "\n")
            try #require(lines.count == 3, "\(result.text)\(result.errors)")
            #expect(lines[0] == "localhost TLSv1.3")
            #expect(lines[1] == "127.0.0.1 TLSv1.3")
            #expect(lines[2].hasPrefix("kms.us-east-1.amazonaws.com Hostname mismatch"))
        }
    }

    @Test func `openssl takes the certificate for a server's, and for no authority's`() async throws {
        try await TLSRig.run { rig in
            let verify = ["verify", "-x509_strict", "-CAfile", rig.bundle, "-purpose"]
            #expect(try await Tool.run("openssl", verify + ["sslserver", rig.bundle]).status == 0)
            #expect(try await Tool.run("openssl", verify + ["sslclient", rig.bundle]).status != 0)
            let text = try await Tool.run("openssl", ["x509", "-in", rig.bundle, "-noout", "-text"]).text
            for expected in [
                "CA:FALSE", "TLS Web Server Authentication\n",
                "DNS:localhost, IP Address:127.0.0.1\n", "ecdsa-with-SHA256", "NIST CURVE: P-256",
            ] { #expect(text.contains(expected), "\(expected)") }
            #expect(!text.contains("Certificate Sign"))
        }
    }

    @Test func `this product's client trusts the bundle, and no other certificate of the same names`() async throws {
        try await TLSRig.run { rig in
            let response = try await rig.get(try TLSClient(trusting: rig.bundle, host: "127.0.0.1"))
            #expect(response.headers.first(name: "x-transport") == "secure")
            let other = try rig.folder.write("other.pem", try TLSRig.issue().certificate.pem)
            let client = try TLSClient(trusting: other, host: "127.0.0.1")
            await #expect(throws: HTTPClientError.self) { try await rig.get(client) }
            // Of the same key: what clients trust is the certificate, so that its names are those that were judged.
            let renewed = try rig.folder.write(
                "renewed.pem",
                try TLSRig.issue(key: rig.identity.key).certificate.pem
            )
            let renewedClient = try TLSClient(trusting: renewed, host: "127.0.0.1")
            await #expect(throws: HTTPClientError.self) { try await rig.get(renewedClient) }
            #expect(rig.requests == 1)
        }
    }

    @Test func `a bundle without certificates is an error`() throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("empty.pem", "")
        #expect(throws: AttestedTLSError.unusableBundle(file)) { try TLSClient(trusting: file, host: "localhost") }
    }

    @Test func `the certificate of a handshake is handed over unjudged`() async throws {
        try await TLSRig.run { rig in
            let presented = MultiThreadedEventLoopGroup.singleton.next()
                .makePromise(of: TLSClient.PresentedCertificates.self)
            let connection = try await HTTPConnection.open(
                to: .tcp(host: "127.0.0.1", port: rig.port),
                group: MultiThreadedEventLoopGroup.singleton,
                limits: HTTPLimits(bodyLength: 1024),
                by: .now() + .seconds(30)
            ) { _ in try TLSClient.unverifiedHandlers(host: "127.0.0.1", presented: presented) }
            #expect(try await presented.futureResult.get() == [rig.identity.certificate.der])
            let response = try await connection.send(.init(method: .GET, target: "/"), by: .now() + .seconds(30))
            #expect(response.headers.first(name: "x-transport") == "secure")
            await connection.close()
        }
    }

    @Test func `a peer that does not speak TLS is named so`() async throws {
        try await TLSRig.run(speaksTLS: false) { rig in
            let presented = MultiThreadedEventLoopGroup.singleton.next()
                .makePromise(of: TLSClient.PresentedCertificates.self)
            let connection = try await HTTPConnection.open(
                to: .tcp(host: "127.0.0.1", port: rig.port),
                group: MultiThreadedEventLoopGroup.singleton,
                limits: HTTPLimits(bodyLength: 1024),
                by: .now() + .seconds(30)
            ) { _ in try TLSClient.unverifiedHandlers(host: "127.0.0.1", presented: presented) }
            await #expect(throws: AttestedTLSError.self) { try await presented.futureResult.get() }
            await connection.close()
            #expect(rig.requests == 0)
        }
    }

    @Test func `a connection ends with the peer's answer to a close, without waiting for a time-out`() async throws {
        try await TLSRig.run { rig in
            var ends: [String] = []
            // On a busy machine an answer may come late once.
            for _ in 0..<5 where !ends.contains("answered") {
                let loop = MultiThreadedEventLoopGroup.singleton.next()
                let presented = loop.makePromise(of: TLSClient.PresentedCertificates.self)
                let channel = try await Connector.connect(
                    to: .tcp(host: "127.0.0.1", port: rig.port),
                    group: loop,
                    timeout: .seconds(30)
                ) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handlers = try TLSClient.unverifiedHandlers(host: "127.0.0.1", presented: presented)
                        try channel.pipeline.syncOperations.addHandlers(handlers)
                    }
                }.get()
                _ = try await presented.futureResult.get()
                do {
                    try await channel.close().get()
                    ends.append("answered")
                } catch {
                    ends.append("\(error)")
                }
            }
            #expect(ends.last == "answered", "\(ends)")
        }
    }
}
