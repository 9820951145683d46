// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import Encoding
import NIOCore
import NIOHTTP1
import Transport

/// What the enclave answers to `GET /health`, which anybody may ask.
///
/// Over TLS no certificate is checked: this is the host's own question, on a machine that nobody has to believe.
struct EnclaveHealth: Sendable {
    struct Answer: Sendable, Equatable {
        var isServing: Bool
        var state: String
        /// The enclave's code for what keeps it from serving.
        var reason: String?
    }

    private static let limits = HTTPLimits(bodyLength: 4096, connections: 1)

    private let enclave: EnclaveAddress
    private let group: any EventLoopGroup

    init(_ enclave: EnclaveAddress, group: any EventLoopGroup) {
        self.enclave = enclave
        self.group = group
    }

    /// Nil: nothing that is an enclave answered in time.
    func ask(by deadline: NIODeadline) async -> Answer? {
        guard let endpoint = enclave.current else { return nil }
        if let answer = await ask(endpoint, by: deadline, prelude: { _ in [] }) { return answer }
        // Before it is unlocked it answers in clear; afterwards, where its configuration says so, by TLS alone.
        return await ask(endpoint, by: deadline) { channel in
            try TLSClient.unverifiedHandlers(host: "localhost", presented: channel.eventLoop.makePromise())
        }
    }

    /// Nil: what answered is not an enclave that speaks this way.
    private func ask(
        _ endpoint: Endpoint,
        by deadline: NIODeadline,
        prelude: @escaping HTTPServer.Prelude
    ) async -> Answer? {
        do {
            let connection = try await HTTPConnection.open(
                to: endpoint,
                group: group,
                limits: Self.limits,
                by: deadline,
                prelude: prelude
            )
            let request = HTTPRequest(method: .GET, target: "/health", headers: ["Connection": "close"])
            let result: Result<HTTPResponse, HTTPClientError>
            do throws(HTTPClientError) {
                result = .success(try await connection.send(request, by: deadline))
            } catch {
                result = .failure(error)
            }
            await connection.close()
            return try Self.read(result.get())
        } catch {
            return nil
        }
    }

    private static func read(_ response: HTTPResponse) -> Answer? {
        let body = (try? JSON.parse(Array(response.body.readableBytesView)))?.object
        guard let state = body?["state"]?.string, HostConfigurationReader.isName(state, extra: "-") else { return nil }
        let reason = body?["reason"]?.string.flatMap { HostConfigurationReader.isName($0, extra: "-") ? $0 : nil }
        return Answer(isServing: response.status == .ok && state == "unlocked", state: state, reason: reason)
    }
}
