// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import Foundation
import KMSProtocol
import KeyService
import Keyring
import NIOCore
import NIOHTTP1
import NIOPosix
import NitroAttestation
import SecurityModule
import SigV4
import SoftwareModule
import Synchronization
import TestSupport
import Testing
import Transport

/// A whole enclave with the software module, its hostile host, and a client.
final class Rig: Sendable {
    static let measurements = SoftwareMeasurements(
        pcr0: [UInt8](repeating: 0xA0, count: 48),
        pcr1: [UInt8](repeating: 0xA1, count: 48),
        pcr2: [UInt8](repeating: 0xA2, count: 48)
    )

    let workshop: Workshop
    let host: FakeHost
    let enclave: Enclave
    let roots: TrustAnchors
    /// Lines of the enclave's log.
    let lines: Lines
    /// Those that go to standard error.
    let unsent: Lines
    /// See ``nextDate()``.
    let dates = Mutex<Int64>(0)
    private let client: HTTPClient
    private let directory: TemporaryDirectory

    final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        func append(_ line: [UInt8]) { lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
        var all: [String] { lines.withLock { $0 } }
    }

    static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

    /// Starts an enclave under a host that `tamper` has changed.
    init(
        _ workshop: Workshop? = nil,
        measurements: SoftwareMeasurements = Rig.measurements,
        moduleClock: @escaping @Sendable () -> Timestamp = { Workshop.now() },
        bootTime: TrustedClock.BootTime? = nil,
        clockInterval: Duration = .seconds(60),
        reportInterval: Duration = .seconds(60),
        isSimulatedModule: Bool = true,
        tap: @escaping BootTap = { $0 },
        directory: TemporaryDirectory? = nil,
        changePatience: Duration = .seconds(20),
        tamper: (Workshop, inout FakeHost.State) throws -> Void = { _, _ in }
    ) async throws {
        let workshop = try workshop ?? Workshop()
        self.workshop = workshop
        let directory = try directory ?? TemporaryDirectory()
        self.directory = directory
        let module = try SoftwareModule(
            directory: directory.url.path,
            measurements: measurements,
            clock: moduleClock
        )
        let pem = try String(
            contentsOf: directory.url.appendingPathComponent(SoftwareModule.rootFileName),
            encoding: .utf8
        )
        roots = try TrustAnchors(pem: pem)
        var state = try workshop.hostState()
        try tamper(workshop, &state)
        host = FakeHost(state, roots: roots)
        let (lines, unsent) = (Lines(), Lines())
        (self.lines, self.unsent) = (lines, unsent)
        var environment = EnclaveEnvironment(
            module: SecurityModule(module),
            isSimulatedModule: isSimulatedModule,
            relay: try await host.start(on: Self.group),
            listen: .tcp(host: "127.0.0.1", port: 0),
            retry: RetryPolicy(base: .milliseconds(20), cap: .milliseconds(50)),
            clockInterval: clockInterval,
            reportInterval: reportInterval,
            changePatience: changePatience,
            repeatPause: .zero,
            tap: tap
        )
        if let bootTime { environment.bootTime = bootTime }
        enclave = try await Enclave(
            environment,
            group: Self.group,
            log: EnclaveLog(sink: { lines.append($0) }, unsent: { unsent.append($0) })
        )
        client = Self.client(enclave.endpoint)
    }

    private static func client(_ endpoint: Endpoint) -> HTTPClient {
        HTTPClient(endpoint, group: group, limits: HTTPLimits(bodyLength: 1 << 20), timeout: .seconds(60))
    }

    /// One more connection: each carries one request at a time.
    func connection() -> HTTPClient { Self.client(enclave.endpoint) }

    func stop() async {
        await client.close()
        await enclave.shutdown()
        await host.stop()
    }

    /// Runs a test against a rig that ends with it.
    static func run(
        _ workshop: Workshop? = nil,
        tamper: (Workshop, inout FakeHost.State) throws -> Void = { _, _ in },
        _ body: (Rig) async throws -> Void
    ) async throws {
        let rig = try await Rig(workshop, tamper: tamper)
        do {
            try await body(rig)
        } catch {
            await rig.stop()
            throw error
        }
        await rig.stop()
    }

    /// Waits until `holds`, at most half a minute.
    func wait(
        _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation,
        until holds: (Rig) -> Bool
    ) async throws {
        for _ in 0..<3000 {
            if holds(self) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("waited in vain for \(what); state \(enclave.currentState.name)", sourceLocation: sourceLocation)
    }

    func waitForState(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await wait(name, sourceLocation: sourceLocation) { $0.enclave.currentState.name == name }
    }

    // MARK: The client

    struct Signing: Sendable {
        var principal = 0
        var secret: [UInt8]?
        var accessKeyID: String?
        var host = Workshop.host
        /// Seconds from now.
        var skew: Int64 = 0
        /// Instead of the time that it is.
        var date: Timestamp?
        var region = Workshop.region
        var service = "kms"
        /// Signed too.
        var headers: [(name: String, value: String)] = []
    }

    func send(_ request: HTTPRequest) async throws -> HTTPResponse { try await client.send(request) }

    func get(_ target: String) async throws -> HTTPResponse {
        try await send(HTTPRequest(method: .GET, target: target))
    }

    /// A signed request as SDKs send it.
    func signed(_ target: String, _ body: [UInt8], _ signing: Signing = Signing()) throws -> HTTPRequest {
        let principal = workshop.contents.principals[signing.principal]
        let secret = try signing.secret.map { SharedSecret(try Workshop.secret($0)) } ?? principal.secret
        var headers =
            [
                (name: "Host", value: signing.host), (name: "Content-Type", value: amzJSON),
                (name: "X-Amz-Target", value: target),
            ] + signing.headers
        let added = SigV4Signer.sign(
            SigV4Request(method: "POST", target: "/", headers: headers, body: body),
            credentials: AWSCredentials(
                accessKeyID: signing.accessKeyID ?? principal.accessKeyID,
                secretAccessKey: secret
            ),
            scope: SigV4Scope(region: signing.region, service: signing.service),
            at: signing.date ?? Workshop.now().advanced(byMilliseconds: signing.skew * 1000)
        )
        headers += added
        return HTTPRequest(
            method: .POST,
            target: "/",
            headers: HTTPHeaders(headers.map { ($0.name, $0.value) }),
            body: ByteBuffer(bytes: body)
        )
    }

    /// The request as it goes over the wire.
    static func bytes(_ request: HTTPRequest) -> [UInt8] {
        let body = Array(request.body.readableBytesView)
        var head = "\(request.method.rawValue) \(request.target) HTTP/1.1\r\n"
        for (name, value) in request.headers { head += "\(name): \(value)\r\n" }
        if !request.headers.contains(name: "Content-Length") { head += "Content-Length: \(body.count)\r\n" }
        return Array("\(head)\r\n".utf8) + body
    }

    /// Where the enclave listens.
    var port: Int { if case .tcp(_, let port) = enclave.endpoint { port } else { 0 } }

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var output: JSONObject
        var error: KMSError?
    }

    func call(_ target: String, _ input: JSON, _ signing: Signing = Signing()) async throws -> Answer {
        try answer(try await send(try signed(target, input.serialized(), signing)))
    }

    /// A count of GetStatus.
    func count(_ name: String) async throws -> Int64 {
        // Two of these in one second are two requests, not one that comes again.
        let unlike = Signing(headers: [(name: "X-Amz-Meta-Number", value: "\(UInt64.random(in: .min ... .max))")])
        let status = try await call("KeyBroker.GetStatus", [:], unlike)
        return try #require(status.output["Requests"]?.object?[name]?.int64)
    }

    func answer(_ response: HTTPResponse) throws -> Answer {
        let body = Array(response.body.readableBytesView)
        let output = body.isEmpty ? JSONObject() : try JSON.parse(body).object ?? JSONObject()
        return Answer(
            status: Int(response.status.code),
            headers: response.headers,
            output: output,
            error: response.status == .ok ? nil : KMSError(body: body)
        )
    }

    /// That nothing signs in this state, whoever asks.
    func expectNoSignature(_ error: String = "KeyUnavailableException") async throws {
        let answer = try await call(
            "TrentService.Sign",
            ["KeyId": "alias/ed", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512"]
        )
        #expect(answer.error?.name == error)
        #expect(answer.output["Signature"] == nil)
    }
}
