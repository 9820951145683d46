// SPDX-License-Identifier: Apache-2.0

import Encoding
package import NIOCore
import Synchronization

/// Whether the broker serves: what its enclave answers to `GET /health`.
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

    private struct State {
        var isDraining = false
        var asked = NIODeadline.distantPast
        var question: Task<Verdict, Never>?
    }

    private let health: EnclaveHealth
    private let state = Mutex(State())

    package init(enclave: EnclaveAddress, group: any EventLoopGroup) {
        health = EnclaveHealth(enclave, group: group)
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
        guard let answer = await health.ask(by: NIODeadline.now() + Self.timeout) else { return .unreachable }
        return Verdict(isReady: answer.isServing, state: answer.state, reason: answer.reason)
    }
}
