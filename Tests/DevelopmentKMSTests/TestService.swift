// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Cryptography
import DevelopmentKMS
import Encoding
import KMSProtocol
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NitroAttestation
import SigV4
import Synchronization
import Testing
import Transport

/// A running development KMS on a port of its own, and a client that signs.
struct TestService {
    static let account = "111122223333"
    static let region = "eu-central-1"

    let clock: TestClock
    let log: LogRecorder
    let server: HTTPServer
    let root: AWSCredentials
    /// `arn:aws:iam::111122223333:user/alice`, without IAM policies.
    let alice: AWSCredentials
    /// With a session token, and an IAM policy that allows `kms:ListKeys`.
    let bob: AWSCredentials

    static let aliceARN = "arn:aws:iam::\(account):user/alice"

    struct Response {
        let status: UInt
        let headers: HTTPHeaders
        let body: [UInt8]

        var json: JSONObject? { (try? JSON.parse(body))?.object }
        var errorName: String? { json?["__type"]?.string }
        var errorMessage: String? { (json?["message"] ?? json?["Message"])?.string }
    }

    /// Runs `body` with a service, and stops it.
    static func with<Result>(
        roots: TrustAnchors? = nil,
        clock: TestClock = TestClock(),
        options change: (inout DevelopmentKMS.Options) throws -> Void = { _ in },
        _ body: (TestService) async throws -> Result
    ) async throws -> Result {
        let root = try credentials("AKROOT", secret: "secret of the root")
        let alice = try credentials("AKALICE", secret: "secret of alice")
        let bob = try credentials("AKBOB", secret: "secret of bob", token: "token of bob")
        let bobsPolicy: JSON = [
            "Version": "2012-10-17", "Statement": ["Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"],
        ]
        let log = LogRecorder()
        var logger = Logger(label: "kms") { _ in log }
        logger.logLevel = .trace
        var options = DevelopmentKMS.Options(
            account: account,
            region: region,
            accessKeys: [
                .init(credentials: root, arn: "arn:aws:iam::\(account):root"),
                .init(credentials: alice, arn: aliceARN),
                .init(
                    credentials: bob,
                    arn: "arn:aws:iam::\(account):user/bob",
                    policies: [try PolicyDocument(bobsPolicy.serialized(), kind: .identity)]
                ),
            ],
            roots: roots
        )
        try change(&options)
        let kms = DevelopmentKMS(options: options, clock: { clock.now }, logger: logger)
        let server = try await kms.serve(
            on: .tcp(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton
        )
        let service = TestService(clock: clock, log: log, server: server, root: root, alice: alice, bob: bob)
        do {
            let result = try await body(service)
            await server.shutdown(grace: .seconds(1))
            return result
        } catch {
            await server.shutdown(grace: .seconds(1))
            throw error
        }
    }

    static func credentials(_ id: String, secret: String, token: String? = nil) throws -> AWSCredentials {
        var bytes = [UInt8](secret.utf8)
        let secret = SharedSecret(try SecretBytes(movingFrom: &bytes))
        return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
    }

    var port: Int {
        guard case .tcp(_, let port) = server.endpoint else { return 0 }
        return port
    }

    /// Sends a signed request; `credentials` nil: unsigned.
    func send(
        target: String?,
        body: [UInt8],
        credentials: AWSCredentials?,
        method: HTTPMethod = .POST,
        path: String = "/",
        region: String = region,
        unsignedHeaders: [(name: String, value: String)] = []
    ) async throws -> Response {
        var headers: [(name: String, value: String)] = [
            ("Host", "127.0.0.1:\(port)"), ("Content-Type", amzJSON),
        ]
        if let target { headers.append(("X-Amz-Target", target)) }
        if let credentials {
            let request = SigV4Request(method: method.rawValue, target: path, headers: headers, body: body)
            headers += SigV4Signer.sign(
                request,
                credentials: credentials,
                scope: SigV4Scope(region: region, service: "kms"),
                at: clock.now
            )
        }
        headers += unsignedHeaders
        let client = HTTPClient(
            server.endpoint,
            group: MultiThreadedEventLoopGroup.singleton,
            limits: HTTPLimits(bodyLength: 1 << 20),
            timeout: .seconds(30)
        )
        let response = try await client.send(
            HTTPRequest(
                method: method,
                target: path,
                headers: HTTPHeaders(headers.map { ($0.name, $0.value) }),
                body: ByteBuffer(bytes: body)
            )
        )
        await client.close()
        return Response(
            status: response.status.code,
            headers: response.headers,
            body: [UInt8](response.body.readableBytesView)
        )
    }

    /// An operation of KMS; by the root unless somebody else is named.
    func call(_ operation: String, _ input: JSON, as credentials: AWSCredentials? = nil) async throws -> Response {
        try await send(
            target: "TrentService.\(operation)",
            body: input.serialized(),
            credentials: credentials ?? root
        )
    }

    /// The output of an operation that must succeed.
    func output(_ operation: String, _ input: JSON, as credentials: AWSCredentials? = nil) async throws -> JSONObject {
        let response = try await call(operation, input, as: credentials)
        #expect(response.status == 200, "\(operation): \(response.errorName ?? "") \(response.errorMessage ?? "")")
        return response.body.isEmpty ? JSONObject() : try #require(response.json)
    }

    /// A symmetric key under `alias/k`; its ARN.
    @discardableResult
    func makeKey(_ input: JSON = [:]) async throws -> String {
        let metadata = try await output("CreateKey", input)["KeyMetadata"]?.object
        _ = try await output(
            "CreateAlias",
            ["AliasName": "alias/k", "TargetKeyId": try #require(metadata?["KeyId"])]
        )
        return try #require(metadata?["Arn"]?.string)
    }
}

/// A clock that stands until it is moved.
final class TestClock: Sendable {
    private let time: Mutex<Timestamp>

    init(_ time: Timestamp = Timestamp(seconds: 1_764_000_000)) {
        self.time = Mutex(time)
    }

    var now: Timestamp { time.withLock { $0 } }

    func advance(milliseconds: Int64) {
        time.withLock { $0 = $0.advanced(byMilliseconds: milliseconds) }
    }
}

/// Keeps what is logged, as one line each.
final class LogRecorder: LogHandler, Sendable {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { recorded.withLock { $0 } }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        recorded.withLock { $0.append(([event.message.description] + fields).joined(separator: " ")) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
}
