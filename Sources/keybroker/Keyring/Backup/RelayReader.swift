// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Keyring
import NIOCore
import NIOHTTP1
import NIOPosix
import Transport

/// Reads what a host's relay hands out to its enclave: keyring and configuration, for whoever may open its socket.
struct RelayReader: Sendable {
    /// On one machine: what takes longer does not answer.
    private static let timeout = TimeAmount.seconds(10)
    private static let limits = HTTPLimits(bodyLength: KeyringLimits.sealedLength)

    private let endpoint: Endpoint

    /// - Throws: a usage error if `text` is no endpoint.
    init(_ text: String) throws(CommandFailure) {
        do {
            endpoint = try Endpoint(text)
        } catch {
            throw .usage("--relay: \(error)")
        }
    }

    func backup() async throws(CommandFailure) -> KeyringBackup {
        let client = HTTPClient(
            endpoint,
            group: MultiThreadedEventLoopGroup.singleton,
            limits: Self.limits,
            timeout: Self.timeout
        )
        let keyring = try await get(RelayPath.keyring, client)
        let configuration = try await get(RelayPath.configuration, client)
        await client.close()
        guard let keyring else { throw .failed("\(endpoint): the host stores no keyring") }
        guard let configuration else { throw .failed("\(endpoint): the host has no configuration") }
        return try KeyringBackup(keyring: keyring, configuration: configuration)
    }

    /// Nil for 404.
    private func get(_ path: String, _ client: HTTPClient) async throws(CommandFailure) -> [UInt8]? {
        let response: HTTPResponse
        do {
            response = try await client.send(HTTPRequest(method: .GET, target: path))
        } catch {
            throw .failed(
                "\(endpoint): \(Console.printable("\(error)")): is keybroker-host running, and may you open its socket?"
            )
        }
        switch response.status {
        case .ok: return Array(response.body.readableBytesView)
        case .notFound: return nil
        default: throw .failed("\(endpoint): HTTP \(response.status.code) for \(path)")
        }
    }
}
