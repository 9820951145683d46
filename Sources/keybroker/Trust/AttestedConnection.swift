// SPDX-License-Identifier: Apache-2.0

import AWSClient
import AttestedTLS
import BrokerProtocol
import Cryptography
import Encoding
import NIOCore
import NIOHTTP1
import NIOPosix
import Transport

/// What came over one TLS connection to an endpoint: the certificates that it showed in the handshake, and then, over that
/// very connection, an attestation document for a nonce. Nothing of it is judged yet.
struct AttestedConnection: Sendable {
    /// DER; the first is the one whose key ends the connection.
    let certificates: [[UInt8]]
    let document: [UInt8]

    /// A document has a few kilobytes (its certificates have at most 1024 bytes each).
    private static let limits = HTTPLimits(bodyLength: 64 * 1024)
    private static let timeout = TimeAmount.seconds(15)

    /// Connects once. There is no second connection: what is attested and what is measured here are one.
    static func open(_ endpoint: EnclaveEndpoint, nonce: [UInt8]) async throws(TrustRefusal) -> AttestedConnection {
        let group = MultiThreadedEventLoopGroup.singleton
        let deadline = NIODeadline.now() + timeout
        let presented = group.next().makePromise(of: TLSClient.PresentedCertificates.self)
        let connection: HTTPConnection
        do {
            let host = endpoint.host
            connection = try await HTTPConnection.open(
                to: endpoint.endpoint,
                group: group,
                limits: limits,
                by: deadline
            ) { _ in try TLSClient.unverifiedHandlers(host: host, presented: presented) }
        } catch {
            presented.fail(AttestedTLSError.handshake("no connection"))
            throw TrustRefusal(.unreachable, "\(endpoint.service.origin): \(reason(error)): is keybroker-host running?")
        }
        do throws(TrustRefusal) {
            let result = try await exchange(connection, presented.futureResult, endpoint, nonce: nonce, deadline)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    private static func exchange(
        _ connection: HTTPConnection,
        _ presented: EventLoopFuture<TLSClient.PresentedCertificates>,
        _ endpoint: EnclaveEndpoint,
        nonce: [UInt8],
        _ deadline: NIODeadline
    ) async throws(TrustRefusal) -> AttestedConnection {
        // What does not go on with its handshake is closed in time, which ends this wait.
        let timer = presented.eventLoop.scheduleTask(deadline: deadline) { Task { await connection.close() } }
        defer { timer.cancel() }
        let certificates: [[UInt8]]
        do {
            certificates = try await presented.get()
        } catch {
            throw TrustRefusal(
                .notTLS,
                "\(error): before the enclave is unlocked, or with ingress.tls off, it answers in clear"
            )
        }
        let response: HTTPResponse
        do {
            response = try await connection.send(
                HTTPRequest(
                    method: .GET,
                    target: "\(BrokerPath.attestation)?nonce=\(Hex.encode(nonce))",
                    headers: ["Host": endpoint.service.host]
                ),
                by: deadline
            )
        } catch {
            throw TrustRefusal(.noAttestation, "no answer over the connection: \(reason(error))")
        }
        guard response.status == .ok, response.body.readableBytes > 0 else {
            throw TrustRefusal(
                .noAttestation,
                "GET \(BrokerPath.attestation) was answered with \(response.status.code)"
            )
        }
        return AttestedConnection(certificates: certificates, document: Array(response.body.readableBytesView))
    }

    private static func reason(_ error: HTTPClientError) -> String {
        switch error {
        case .unreachable(let reason): Console.printable(reason)
        case .timeout: "no answer in time"
        case .malformedResponse: "the connection was closed, or what came is no HTTP"
        }
    }
}
