// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import Foundation
import Glibc
import HostRelay
import KMSProtocol
import KeyringFiles
import NIOCore
import NIOHTTP1
import SigV4
import Synchronization
import TestSupport
import Testing
import Transport

/// A relay over a KMS that answers only what is signed right, for one test.
struct RelayFixture {
    let folder: TemporaryDirectory
    let relay: RelayServer
    let client: HTTPClient
    let log: LogRecorder
    let output: FileHandle
    let seenByKMS: Mutex<[String]>.Box

    static let now = Timestamp(seconds: 1_795_000_000)

    func send(_ method: HTTPMethod, _ target: String, _ headers: HTTPHeaders = [:], body: [UInt8] = []) async throws
        -> HTTPResponse
    {
        try await client.send(
            HTTPRequest(method: method, target: target, headers: headers, body: ByteBuffer(bytes: body))
        )
    }

    func put(_ version: String, _ body: [UInt8]) async throws -> UInt {
        try await send(.PUT, "/keyring", ["Keyring-Version": version], body: body).status.code
    }
}

extension Mutex {
    final class Box: Sendable where Value: Sendable {
        let mutex: Mutex<Value>
        init(_ value: Value) { mutex = Mutex(value) }
    }
}

func withRelay(
    kmsEndpoint: String? = nil,
    credentials: @escaping KMSClient.Credentials = testCredentials,
    metrics: HostMetrics = HostMetrics(),
    _ body: (RelayFixture) async throws -> Void
) async throws {
    let folder = try TemporaryDirectory()
    try folder.write("enclave.json", "{ \"exact\":  1.0 }\n")
    let seen = Mutex<[String]>.Box([])
    let kms = try await startKMS(seen)
    let log = LogRecorder()
    let pipe = Pipe()
    let forwarder = KMSForwarder(
        HostConfiguration.KMS(
            endpoint: kmsEndpoint ?? "http://127.0.0.1:\(port(of: kms.endpoint))",
            region: "us-east-1",
            operations: ["Decrypt"]
        ),
        transport: WebTransport(timeoutSeconds: 2),
        credentials: credentials,
        clock: { RelayFixture.now },
        metrics: metrics,
        logger: log.logger
    )
    let relay = try await RelayServer.start(
        on: .unix(path: "\(folder.path)/relay.sock"),
        group: eventLoops,
        configurationFile: "\(folder.path)/enclave.json",
        store: try StateStore(directory: "\(folder.path)/state"),
        forwarder: forwarder,
        writer: LineWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor),
        metrics: metrics,
        logger: log.logger
    )
    let client = HTTPClient(
        relay.endpoint,
        group: eventLoops,
        limits: HTTPLimits(bodyLength: 2 << 20),
        timeout: .seconds(10)
    )
    let fixture = RelayFixture(
        folder: folder,
        relay: relay,
        client: client,
        log: log,
        output: pipe.fileHandleForReading,
        seenByKMS: seen
    )
    var failure: (any Error)?
    do { try await body(fixture) } catch { failure = error }
    await client.close()
    await relay.shutdown()
    await kms.shutdown(grace: .zero)
    withExtendedLifetime(pipe) {}
    if let failure { throw failure }
}

@Sendable func testCredentials() async throws(CredentialError) -> AWSCredentials {
    guard let secret = try? SecretBytes(copying: Array("wJalrXUtnFEMI".utf8)) else { throw CredentialError("memory") }
    return AWSCredentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: SharedSecret(secret))
}

private func startKMS(_ seen: Mutex<[String]>.Box) async throws -> HTTPServer {
    let secret = SharedSecret(try SecretBytes(copying: Array("wJalrXUtnFEMI".utf8)))
    let verifier = SigV4Verifier<String>(
        scope: SigV4Scope(region: "us-east-1", service: "kms"),
        hosts: nil
    ) { $0 == "AKIDEXAMPLE" ? (secret, $0) : nil }
    return try await HTTPServer.start(
        on: localPort,
        group: eventLoops,
        limits: HTTPLimits(bodyLength: 1 << 20)
    ) { request, loop in
        let body = Array(request.body.readableBytesView)
        do throws(SigV4Error) {
            _ = try verifier.verify(
                SigV4Request(
                    method: "POST",
                    target: request.target,
                    headers: request.headers.map { (name: $0.name, value: $0.value) },
                    body: body
                ),
                at: RelayFixture.now
            )
        } catch {
            return loop.makeSucceededFuture(
                HTTPResponse(status: .badRequest, body: ByteBuffer(bytes: KMSError(error.name, error.message).body))
            )
        }
        seen.mutex.withLock {
            $0.append("\(request.headers["x-amz-target"].joined()) \(String(decoding: body, as: UTF8.self))")
        }
        if body == Array(#"{"deny":1}"#.utf8) {
            return loop.makeSucceededFuture(
                HTTPResponse(
                    status: .badRequest,
                    headers: ["x-amzn-ErrorType": "AccessDeniedException"],
                    body: ByteBuffer(string: #"{"__type":"AccessDeniedException","Message":"no"}"#)
                )
            )
        }
        return loop.makeSucceededFuture(
            HTTPResponse(
                status: .ok,
                headers: ["x-amzn-RequestId": "id-1", "Content-Type": amzJSON, "Keep-Alive": "timeout=5"],
                body: ByteBuffer(string: #"{"KeyId": "k" }"#)
            )
        )
    }
}

struct RelayServerTests {
    private func decrypt(
        _ relay: RelayFixture,
        _ target: String = "TrentService.Decrypt",
        _ body: String = #"{"a": 1 }"#
    )
        async throws -> HTTPResponse
    {
        try await relay.send(
            .POST,
            "/kms",
            ["X-Amz-Target": target, "Content-Type": amzJSON],
            body: Array(body.utf8)
        )
    }

    @Test func `gives out the configuration's exact bytes, and 404 without one`() async throws {
        try await withRelay { relay in
            let response = try await relay.send(.GET, "/config")
            #expect(String(buffer: response.body) == "{ \"exact\":  1.0 }\n")
            try FileManager.default.removeItem(atPath: "\(relay.folder.path)/enclave.json")
            let gone = try await relay.send(.GET, "/config")
            #expect(gone.status == .notFound)
        }
    }

    @Test func `keeps the keyring by the rules of its versions`() async throws {
        try await withRelay { relay in
            let none = try await relay.send(.GET, "/keyring")
            #expect(none.status == .notFound)
            var codes: [UInt] = []
            for (version, body) in [
                ("2", [1]), ("1", [1]), ("1", [1]), ("1", [2]), ("2", [2]), ("4", [4]), ("3", [3]),
            ] as [(String, [UInt8])] {
                codes.append(try await relay.put(version, body))
            }
            #expect(codes == [409, 204, 204, 409, 204, 409, 204])
            let stored = try await relay.send(.GET, "/keyring")
            #expect(stored.headers["keyring-version"] == ["3"] && Array(buffer: stored.body) == [3])
            #expect(FileManager.default.fileExists(atPath: "\(relay.folder.path)/state/keyring-3.cose"))
        }
    }

    @Test(arguments: ["", "0", "01", "-1", "+1", "1.0", "x", "18446744073709551616", " 1"])
    func `a version that is not a plain number is refused`(version: String) async throws {
        try await withRelay { relay in
            // Surrounding white space is not part of a header's value.
            let expected: UInt = version == " 1" ? 204 : 400
            let code = try await relay.put(version, [1])
            #expect(code == expected)
        }
    }

    @Test func `no version, two versions and no bytes are refused`() async throws {
        try await withRelay { relay in
            let none = try await relay.send(.PUT, "/keyring", body: [1])
            let two = try await relay.send(
                .PUT,
                "/keyring",
                HTTPHeaders([("Keyring-Version", "1"), ("Keyring-Version", "1")]),
                body: [1]
            )
            let empty = try await relay.put("1", [])
            #expect(none.status == .badRequest && two.status == .badRequest && empty == 400)
        }
    }

    @Test func `signs and forwards a KMS request, byte for byte both ways`() async throws {
        try await withRelay { relay in
            let response = try await decrypt(relay)
            #expect(response.status == .ok)
            #expect(String(buffer: response.body) == #"{"KeyId": "k" }"#)
            #expect(response.headers["x-amzn-requestid"] == ["id-1"])
            #expect(response.headers["keep-alive"].isEmpty)
            #expect(relay.seenByKMS.mutex.withLock { $0 } == [#"TrentService.Decrypt {"a": 1 }"#])
            #expect(relay.log.lines.contains { $0.hasPrefix("kms request") && $0.contains("status=200") })
        }
    }

    @Test func `an error of KMS comes back as it is`() async throws {
        try await withRelay { relay in
            let response = try await decrypt(relay, "TrentService.Decrypt", #"{"deny":1}"#)
            #expect(response.status == .badRequest)
            #expect(response.headers["x-amzn-errortype"] == ["AccessDeniedException"])
            #expect(String(buffer: response.body) == #"{"__type":"AccessDeniedException","Message":"no"}"#)
        }
    }

    @Test(arguments: [
        "TrentService.Encrypt", "TrentService.decrypt", "Decrypt", "TrentService.", "TrentService.Decrypt ,x", "",
        "KeyBroker.Decrypt", "TrentService.TrentService.Decrypt", "TrentService.CreateGrant",
    ])
    func `forwards no other operation`(target: String) async throws {
        try await withRelay { relay in
            let response = try await decrypt(relay, target)
            #expect(response.status == .forbidden)
            #expect(KMSError(body: Array(buffer: response.body))?.name == "AccessDeniedException")
            #expect(relay.seenByKMS.mutex.withLock { $0 }.isEmpty)
        }
    }

    @Test func `two targets are refused, whichever is allowed`() async throws {
        try await withRelay { relay in
            let headers = HTTPHeaders([
                ("X-Amz-Target", "TrentService.Decrypt"), ("X-Amz-Target", "TrentService.Encrypt"),
            ])
            let response = try await relay.send(.POST, "/kms", headers, body: [1])
            #expect(response.status == .forbidden)
        }
    }

    @Test func `credentials that the enclave sends are not used`() async throws {
        try await withRelay { relay in
            let headers: HTTPHeaders = [
                "X-Amz-Target": "TrentService.Decrypt", "Authorization": "AWS4-HMAC-SHA256 x", "X-Amz-Date": "x",
                "Host": "elsewhere",
            ]
            let response = try await relay.send(.POST, "/kms", headers, body: Array("{}".utf8))
            #expect(response.status == .ok)
        }
    }

    @Test func `a KMS that cannot be reached is an error that is worth a retry`() async throws {
        try await withRelay(kmsEndpoint: "http://127.0.0.1:1") { relay in
            let response = try await decrypt(relay)
            #expect(response.status == .badGateway)
            let error = KMSError(body: Array(buffer: response.body))
            #expect(error?.name == "DependencyTimeoutException")
            #expect(error?.message == "the host cannot reach KMS: Couldn't connect to server")
        }
    }

    @Test func `without credentials nothing is sent, and the enclave hears no reason but that`() async throws {
        try await withRelay(credentials: { () throws(CredentialError) in throw CredentialError("no file /home/x") }) {
            relay in
            let response = try await decrypt(relay)
            #expect(response.status == .badGateway)
            #expect(!String(buffer: response.body).contains("/home/x"))
            #expect(relay.log.lines == ["no credentials for kms reason=no file /home/x"])
        }
    }

    @Test func `the way in for TLS is reserved`() async throws {
        try await withRelay { relay in
            let credentials = try await relay.send(.GET, "/credentials")
            #expect(credentials.status == .notImplemented)
            let raw = try RawConnection(path: "\(relay.folder.path)/relay.sock")
            try raw.send(
                "CONNECT kms.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: kms.us-east-1.amazonaws.com:443\r\n\r\n"
            )
            #expect(await raw.receiveText().hasPrefix("HTTP/1.1 501 "))
        }
    }

    @Test func `unknown paths and methods are refused`() async throws {
        try await withRelay { relay in
            for (method, target, status) in [
                (.GET, "/", 404), (.GET, "/config?x", 404), (.GET, "/../config", 404), (.POST, "/config", 405),
                (.DELETE, "/keyring", 405), (.GET, "/kms", 405), (.GET, "/log", 405),
            ] as [(HTTPMethod, String, UInt)] {
                let response = try await relay.send(method, target)
                #expect(response.status.code == status, "\(method) \(target)")
            }
        }
    }

    @Test func `the enclave's log lines are written out inside lines of the host`() async throws {
        try await withRelay { relay in
            let lines = #"{"level":"warning","message":"a\nb","x":1}"# + "\n" + #"{"message":"second"}"# + "\n"
            let response = try await relay.send(.POST, "/log", body: Array(lines.utf8))
            #expect(response.status == .noContent)
            var text = ""
            while text.split(separator: "\n").count < 2 {
                text += String(decoding: relay.output.availableData, as: UTF8.self)
            }
            let written = try text.split(separator: "\n").map { try JSON.parse(Array($0.utf8)).object }
            #expect(written.count == 2)
            #expect(written[0]?["event"]?.string == "enclave log" && written[0]?["level"]?.string == "warning")
            #expect(written[0]?["enclave"]?.object?["message"]?.string == "a\nb")
            #expect(written[1]?["level"]?.string == "info")
        }
    }

    @Test(arguments: ["not json", "[]", "{}\n{", "{}\n\"x\"", #"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}"#])
    func `log lines that are no JSON objects are refused`(body: String) async throws {
        try await withRelay { relay in
            let response = try await relay.send(.POST, "/log", body: Array(body.utf8))
            #expect(response.status == .badRequest)
        }
    }

    @Test func `what is too large is refused everywhere`() async throws {
        try await withRelay { relay in
            let line = #"{"a":""# + String(repeating: "a", count: 20_000) + #""}"#
            let log = try await relay.send(.POST, "/log", body: Array(line.utf8))
            let many = try await relay.send(.POST, "/log", body: Array(String(repeating: "{}\n", count: 600).utf8))
            let metrics = try await relay.send(.PUT, "/metrics", body: [UInt8](repeating: 0, count: 300_000))
            let kms = try await decrypt(relay, "TrentService.Decrypt", String(repeating: "a", count: 600_000))
            let keyring = try await relay.put("1", [UInt8](repeating: 0, count: (1 << 20) + 1))
            #expect([log, many, metrics, kms].map(\.status.code) == [413, 413, 413, 413])
            #expect(keyring == 413)
        }
    }

    @Test func `takes metrics that are a report, and gives them to nobody`() async throws {
        try await withRelay { relay in
            let report = try await relay.send(.PUT, "/metrics", body: ReportTests.report.serialized())
            #expect(report.status == .noContent)
            let text = try await relay.send(.PUT, "/metrics", body: Array("a 1".utf8))
            #expect(text.status == .badRequest)
            let asked = try await relay.send(.GET, "/metrics")
            #expect(asked.status == .methodNotAllowed)
        }
    }

    @Test func `malformed input of every kind leaves it serving`() async throws {
        try await withRelay { relay in
            let path = "\(relay.folder.path)/relay.sock"
            for input in [
                "\u{0}\r\n\r\n", "GET\r\n\r\n", "PUT /keyring HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
                "PUT /keyring HTTP/1.1\r\nHost: h\r\nKeyring-Version: 1\r\nContent-Length: 99999999\r\n\r\n",
                "PUT /keyring HTTP/1.1\r\nHost: h\r\nKeyring-Version: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "POST /kms HTTP/1.1\r\nHost: h\r\nX-Amz-Target: TrentService.Decrypt\r\nContent-Length: 10\r\n\r\nabc",
            ] {
                let raw = try RawConnection(path: path)
                try raw.send(input)
                raw.finishSending()
                #expect(await raw.receiveText().hasPrefix("HTTP/1.1 4"))
            }
            let response = try await relay.send(.GET, "/config")
            #expect(response.status == .ok)
            let keyring = try await relay.send(.GET, "/keyring")
            #expect(keyring.status == .notFound)
        }
    }
}
