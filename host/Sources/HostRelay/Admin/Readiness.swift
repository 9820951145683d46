// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import Encoding
package import NIOCore
import NIOHTTP1
import Synchronization
import Transport

/// Whether the broker serves: what its enclave answers to `GET /health`, which anybody may ask.
///
/// Over TLS no certificate is checked: this is the host's own question, on a machine that nobody has to believe.
package final class Readiness: Sendable {
    struct Verdict: Sendable, Equatable {
        var isReady: Bool
        /// The enclave's state, or why it could not be asked.
        var state: String
        /// The enclave's code for what keeps it from serving.
        var reason: String?

        var json: JSON {
            var object = JSONObject([("ready", .bool(isReady)), ("state", .string(state))])
            if let reason { object["reason"] = .string(reason) }
            return .object(object)
        }

        static let draining = Verdict(isReady: false, state: "draining")
        static let unreachable = Verdict(isReady: false, state: "unreachable")
    }

    /// A load balancer's own patience is some seconds.
    private static let timeout = TimeAmount.seconds(2)
    /// Whoever may ask makes one connection to the enclave in this time at most.
    private static let lifetime = TimeAmount.milliseconds(500)
    private static let limits = HTTPLimits(bodyLength: 4096, connections: 1)

    private struct State {
        var isDraining = false
        var asked = NIODeadline.distantPast
        var question: Task<Verdict, Never>?
    }

    private let enclave: EnclaveAddress
    private let group: any EventLoopGroup
    private let state = Mutex(State())

    package init(enclave: EnclaveAddress, group: any EventLoopGroup) {
        self.enclave = enclave
        self.group = group
    }

    /// From now on it is not ready: load balancers look elsewhere while clients finish.
    package func drain() { state.withLock { $0.isDraining = true } }

    func verdict() async -> Verdict {
        let question: Task<Verdict, Never>? = state.withLock { state in
            if state.isDraining { return nil }
            if let question = state.question, NIODeadline.now() - state.asked < Self.lifetime { return question }
            let question = Task { [self] in await ask() }
            state.question = question
            state.asked = .now()
            return question
        }
        return await question?.value ?? .draining
    }

    private func ask() async -> Verdict {
        guard let endpoint = enclave.current else { return .unreachable }
        let deadline = NIODeadline.now() + Self.timeout
        let verdict = await ask(endpoint, by: deadline) { _ in [] }
        if let verdict { return verdict }
        // Before it is unlocked it answers in clear; afterwards, where its configuration says so, by TLS alone.
        return await ask(endpoint, by: deadline) { channel in
            try TLSClient.unverifiedHandlers(host: "localhost", presented: channel.eventLoop.makePromise())
        } ?? .unreachable
    }

    /// Nil: what answered is not an enclave that speaks this way.
    private func ask(
        _ endpoint: Endpoint,
        by deadline: NIODeadline,
        prelude: @escaping HTTPServer.Prelude
    ) async -> Verdict? {
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

    private static func read(_ response: HTTPResponse) -> Verdict? {
        let body = (try? JSON.parse(Array(response.body.readableBytesView)))?.object
        guard let state = body?["state"]?.string, HostConfigurationReader.isName(state, extra: "-") else { return nil }
        let reason = body?["reason"]?.string.flatMap { HostConfigurationReader.isName($0, extra: "-") ? $0 : nil }
        return Verdict(isReady: response.status == .ok && state == "unlocked", state: state, reason: reason)
    }
}
