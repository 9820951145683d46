// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Whether an enclave that runs still answers: one that hangs without ending is nobody's to notice otherwise.
///
/// Any answer counts, whatever state it tells: an enclave that waits for KMS is well.
package struct Liveness: Sendable {
    /// How long an enclave may say nothing.
    package struct Limits: Sendable, Equatable {
        /// Since its last answer; zero: for ever, and nobody asks.
        package var silence: Duration
        /// From its start to its first answer.
        package var boot: Duration

        package init(silence: Duration = .seconds(60), boot: Duration = .seconds(300)) {
            self.silence = silence
            self.boot = boot
        }
    }

    /// A busy machine is slow to answer, and an enclave that signs for everybody is.
    private static let longestQuestion = Duration.seconds(10)
    /// In a row, beside the time: a machine that was suspended has missed time, and no question.
    private static let leastFailures = 4

    private let limits: Limits
    private let asks: @Sendable (_ patience: Duration) async -> Bool

    /// - Parameters:
    ///   - limits: How long it may say nothing.
    ///   - asks: Whether the enclave answers, waiting for `patience` at most.
    package init(_ limits: Limits, asks: @escaping @Sendable (_ patience: Duration) async -> Bool) {
        self.limits = limits
        self.asks = asks
    }

    /// Nil where the configuration wants no such thing, or nobody here launches.
    package init?(_ enclave: HostConfiguration.Enclave, group: any EventLoopGroup) {
        guard enclave.liveness.silence > .zero else { return nil }
        let health = EnclaveHealth(enclave.address, group: group)
        self.init(enclave.liveness) { patience in
            await health.ask(by: .now() + .nanoseconds(Int64(patience / .nanoseconds(1)))) != nil
        }
    }

    /// Returns once the enclave, just started, hangs, with words for people; nil when the task is cancelled before.
    func hang() async -> String? {
        let pause = min(limits.silence / (Self.leastFailures * 2), Self.longestQuestion)
        var answered = false
        var last = ContinuousClock.now
        var failures = 0
        while true {
            // What has begun before an answer came or not counts from its beginning.
            let began = ContinuousClock.now
            if await asks(pause) {
                (answered, last, failures) = (true, began, 0)
            } else {
                failures += 1
                let allowed = answered ? limits.silence : limits.boot
                if ContinuousClock.now - last >= allowed, failures >= Self.leastFailures, !Task.isCancelled {
                    return "no answer to GET /health for \(allowed / .seconds(1)) s"
                        + (answered ? "" : ", nor ever since its start")
                }
            }
            do { try await Task.sleep(for: pause) } catch { return nil }
        }
    }
}
