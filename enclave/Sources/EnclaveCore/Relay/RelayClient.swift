// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import KMSProtocol
import NIOCore
import NIOHTTP1
import Transport

/// What the host answers, all of it hostile until verified. Everything is bounded by ``EnclaveLimits``.
struct RelayClient: Sendable {
    /// KMS's answer as the host passes it on.
    struct KMSAnswer: Sendable {
        var status: Int
        /// `x-amzn-ErrorType`
        var errorType: String?
        var body: [UInt8]
    }

    private let transport: any RelayTransport

    init(_ transport: any RelayTransport) {
        self.transport = transport
    }

    /// The configuration's bytes.
    func configuration() async throws(RelayError) -> [UInt8] {
        let response = try await send(HTTPRequest(method: .GET, target: RelayPath.configuration))
        guard response.status == .ok else { throw .status(RelayPath.configuration, response.status.code) }
        return Array(response.body.readableBytesView)
    }

    /// The sealed keyring; nil if none is stored.
    func keyring() async throws(RelayError) -> [UInt8]? {
        let response = try await send(HTTPRequest(method: .GET, target: RelayPath.keyring))
        if response.status == .notFound { return nil }
        guard response.status == .ok else { throw .status(RelayPath.keyring, response.status.code) }
        return Array(response.body.readableBytesView)
    }

    enum StoreAnswer: Sendable {
        case stored
        /// The version is not the stored one plus one.
        case conflict
    }

    /// Has the host store a version of the keyring.
    func store(version: UInt64, _ keyring: [UInt8]) async throws(RelayError) -> StoreAnswer {
        let headers: HTTPHeaders = [RelayHeader.keyringVersion: String(version)]
        let response = try await send(
            HTTPRequest(
                method: .PUT,
                target: RelayPath.keyring,
                headers: headers,
                body: ByteBuffer(bytes: keyring)
            )
        )
        switch response.status {
        case .noContent: return .stored
        case .conflict: return .conflict
        default: throw .status(RelayPath.keyring, response.status.code)
        }
    }

    /// Has the host sign and forward a KMS request.
    func kms(target: String, body: [UInt8]) async throws(RelayError) -> KMSAnswer {
        let headers: HTTPHeaders = [KMSHeader.contentType: amzJSON, RelayHeader.target: target]
        let response = try await send(
            HTTPRequest(method: .POST, target: RelayPath.kms, headers: headers, body: ByteBuffer(bytes: body))
        )
        return KMSAnswer(
            status: Int(response.status.code),
            errorType: response.headers.first(name: KMSHeader.errorType),
            body: Array(response.body.readableBytesView.prefix(EnclaveLimits.kmsAnswer))
        )
    }

    private func send(_ request: HTTPRequest) async throws(RelayError) -> HTTPResponse {
        do {
            return try await transport.send(request)
        } catch {
            throw .transport(error)
        }
    }
}

/// Connections to the host's relay.
struct RelayConnections: Sendable {
    let requests: HTTPClient
    /// Of its own, so that lines and metrics do not stand in the way of a boot.
    private let log: HTTPClient

    init(_ endpoint: Endpoint, group: any EventLoopGroup) {
        requests = HTTPClient(
            endpoint,
            group: group,
            limits: EnclaveLimits.relay,
            timeout: EnclaveLimits.relayTimeout
        )
        log = HTTPClient(endpoint, group: group, limits: EnclaveLimits.relay, timeout: EnclaveLimits.logTimeout)
    }

    /// Hands over a line of the log; whether the relay took it.
    func log(_ line: [UInt8]) async -> Bool {
        let request = HTTPRequest(method: .POST, target: RelayPath.log, body: ByteBuffer(bytes: line))
        guard let response = try? await log.send(request) else { return false }
        return (200..<300).contains(response.status.code)
    }

    /// Hands over metrics, best effort.
    func report(_ report: [UInt8]) async {
        let request = HTTPRequest(method: .PUT, target: RelayPath.metrics, body: ByteBuffer(bytes: report))
        _ = try? await log.send(request)
    }

    func close() async {
        await requests.close()
        await log.close()
    }
}

/// The host did not do what was asked. Always worth another try.
enum RelayError: Error, Equatable, Sendable, CustomStringConvertible {
    case transport(HTTPClientError)
    case status(_ path: String, UInt)

    var description: String {
        switch self {
        case .transport(.unreachable(let reason)): "relay unreachable: \(quoted(reason))"
        case .transport(.timeout): "relay timed out"
        case .transport(.malformedResponse): "relay closed the connection, or sent no HTTP response within the limits"
        case .status(let path, let status): "relay answered \(path) with \(status)"
        }
    }
}
