// SPDX-License-Identifier: Apache-2.0

package import AWSClient
package import Encoding
import KMSProtocol
package import Logging
import NIOCore
import NIOHTTP1
import Synchronization
package import Transport

/// Signs the enclave's KMS requests with the host's credentials and forwards them: the configured operations, to the
/// configured endpoint, nothing else.
package final class KMSForwarder: Sendable {
    /// Where requests go, and in whose name.
    private struct Route: Sendable {
        var operations: Set<String>
        var client: KMSClient
    }

    private let route: Mutex<Route>
    private let credentials: KMSClient.Credentials
    private let refused: @Sendable () async -> Void
    private let clock: @Sendable () -> Timestamp
    private let metrics: HostMetrics
    private let logger: Logger
    private let underWay = Atomic(0)

    /// - Parameters:
    ///   - settings: What is forwarded, and where to.
    ///   - transport: For KMS.
    ///   - credentials: Called for every request, so that rotated credentials are taken up.
    ///   - refused: Called when KMS does not know the credentials, or says that they have ended.
    ///   - clock: For signatures.
    ///   - metrics: Counts them.
    ///   - logger: One line for each request.
    package init(
        _ settings: HostConfiguration.KMS,
        transport: WebTransport,
        credentials: @escaping KMSClient.Credentials,
        refused: @escaping @Sendable () async -> Void = {},
        clock: @escaping @Sendable () -> Timestamp,
        metrics: HostMetrics = HostMetrics(),
        logger: Logger
    ) {
        route = Mutex(Self.route(settings, transport, credentials, clock))
        self.credentials = credentials
        self.refused = refused
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
    }

    /// For requests that come from now on.
    package func update(_ settings: HostConfiguration.KMS, transport: WebTransport) {
        let fresh = Self.route(settings, transport, credentials, clock)
        route.withLock { $0 = fresh }
    }

    private static func route(
        _ settings: HostConfiguration.KMS,
        _ transport: WebTransport,
        _ credentials: @escaping KMSClient.Credentials,
        _ clock: @escaping @Sendable () -> Timestamp
    ) -> Route {
        let client = KMSClient(
            endpoint: settings.endpoint,
            region: settings.region,
            credentials: credentials,
            transport: transport,
            clock: clock
        )
        return Route(operations: settings.operations, client: client)
    }

    /// Errors of KMS that new credentials may mend.
    private static let refusals: Set<String> = [
        "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredToken",
    ]

    /// KMS's own answer, or one in its shape that says why there is none.
    package func forward(_ request: HTTPRequest) async -> HTTPResponse {
        guard underWay.wrappingAdd(1, ordering: .relaxed).oldValue < RelayLimits.kmsRequests else {
            underWay.wrappingSubtract(1, ordering: .relaxed)
            metrics.kms("other", "throttled")
            return Self.error(.badRequest, "ThrottlingException", "the host has too many requests under way")
        }
        defer { underWay.wrappingSubtract(1, ordering: .relaxed) }

        let route = route.withLock { $0 }
        guard let operation = Self.operation(request, of: route.operations) else {
            metrics.kms("other", "refused")
            logger.warning("kms request refused", metadata: ["target": "\(Self.shown(request.headers))"])
            let allowed = route.operations.sorted().joined(separator: ", ")
            return Self.error(.forbidden, "AccessDeniedException", "the host forwards only \(allowed)")
        }
        guard request.body.readableBytes <= RelayLimits.kmsBody else {
            return Self.error(.payloadTooLarge, "ValidationException", "the request is too large to be forwarded")
        }
        let start = NIODeadline.now()
        do {
            let answer = try await route.client.forward(
                "\(TargetPrefix.kms).\(operation)",
                Array(request.body.readableBytesView)
            )
            let error = log(operation, answer, since: start)
            if let error, Self.refusals.contains(error.name) { await refused() }
            return Self.response(answer)
        } catch .credentials(let error) {
            metrics.kms(operation, "no-credentials")
            logger.error("no credentials for kms", metadata: ["reason": "\(error.description)"])
            return Self.error(.badGateway, "DependencyTimeoutException", "the host has no credentials for KMS")
        } catch {
            metrics.kms(operation, "unreachable")
            logger.warning(
                "kms unreachable",
                metadata: ["operation": "\(operation)", "reason": "\(error.description)"]
            )
            return Self.error(
                .badGateway,
                "DependencyTimeoutException",
                "the host cannot reach KMS: \(error.description)"
            )
        }
    }

    private static func operation(_ request: HTTPRequest, of operations: Set<String>) -> String? {
        let targets = request.headers[RelayContract.target]
        let prefix = "\(TargetPrefix.kms)."
        guard targets.count == 1, let target = targets.first, target.hasPrefix(prefix) else { return nil }
        let operation = String(target.dropFirst(prefix.count))
        return operations.contains(operation) ? operation : nil
    }

    /// Writes the line for a request; KMS's error, if it is one.
    private func log(_ operation: String, _ answer: WebResponse, since start: NIODeadline) -> KMSError? {
        let nanoseconds = (NIODeadline.now() - start).nanoseconds
        var metadata: Logger.Metadata = [
            "operation": "\(operation)", "status": "\(answer.status)", "milliseconds": "\(nanoseconds / 1_000_000)",
        ]
        var outcome = answer.status == 200 ? "ok" : "unnamed"
        if let id = answer.header("x-amzn-requestid") { metadata["requestId"] = "\(id.prefix(64))" }
        var error: KMSError?
        if answer.status != 200 {
            error = KMSError(body: answer.body, errorTypeHeader: answer.header("x-amzn-errortype"))
        }
        if let error {
            metadata["error"] = "\(error.name)"
            outcome = error.name
        }
        metrics.kms(operation, outcome, seconds: Double(nanoseconds) / 1_000_000_000)
        logger.log(level: answer.status == 200 ? .info : .warning, "kms request", metadata: metadata)
        return error
    }

    // MARK: Responses

    /// Headers that are the connection's own (RFC 9110 section 7.6.1); the length is set anew.
    private static let connectionHeaders: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length",
    ]

    private static func response(_ answer: WebResponse) -> HTTPResponse {
        var headers = HTTPHeaders()
        for (name, value) in answer.headers where !connectionHeaders.contains(name.lowercased()) {
            headers.add(name: name, value: value)
        }
        return HTTPResponse(
            status: HTTPResponseStatus(statusCode: answer.status),
            headers: headers,
            body: ByteBuffer(bytes: answer.body)
        )
    }

    private static func error(_ status: HTTPResponseStatus, _ name: String, _ message: String) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: ["Content-Type": amzJSON],
            body: ByteBuffer(bytes: KMSError(name, message).body)
        )
    }

    private static func shown(_ headers: HTTPHeaders) -> String {
        String(headers[RelayContract.target].joined(separator: " ").prefix(128))
    }
}
