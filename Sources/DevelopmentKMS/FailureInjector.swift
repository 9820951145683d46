// SPDX-License-Identifier: Apache-2.0

import KMSProtocol
import Synchronization

/// Decides which requests fail on purpose. Deterministic: the same requests in the same order fail in the same way.
final class FailureInjector: Sendable {
    /// What is to happen to one request.
    struct Decision: Sendable, Equatable {
        var delay: Int64 = 0
        var isSilenced = false
        var error: KMSError?

        /// For the log; nil if nothing was done.
        var description: String? {
            var names: [String] = []
            if delay > 0 { names.append("delay") }
            if isSilenced { names.append("silence") }
            if let error { names.append(error == .throttled ? "throttle" : "error") }
            return names.isEmpty ? nil : names.joined(separator: ", ")
        }
    }

    private struct Counted: Sendable {
        let rule: FailureRule
        /// Requests of the rule's operation so far, modulo 100.
        var seen = 0
        /// How many failed.
        var fired = 0

        mutating func fires(for operation: String) -> Bool {
            guard rule.operation ?? operation == operation, fired < rule.count ?? .max else { return false }
            // As many of the first N requests as PERCENT of N, rounded down.
            let before = seen * rule.percent / 100
            seen = (seen + 1) % 100
            let after = (seen == 0 ? 100 : seen) * rule.percent / 100
            guard after > before else { return false }
            fired += 1
            return true
        }
    }

    private let rules: Mutex<[Counted]>

    init(_ rules: [FailureRule]) {
        self.rules = Mutex(rules.map { Counted(rule: $0) })
    }

    /// Delays add up; the first rule of another kind that fires ends it.
    func decide(_ operation: String) -> Decision {
        rules.withLock { rules in
            var decision = Decision()
            for index in rules.indices where rules[index].fires(for: operation) {
                switch rules[index].rule.failure {
                case .delay(let milliseconds):
                    decision.delay = min(decision.delay + milliseconds, FailureRule.maximumDelay)
                case .silence:
                    decision.isSilenced = true
                    return decision
                case .throttle:
                    decision.error = .throttled
                    return decision
                case .error(let name):
                    decision.error = KMSError(name, "This error was asked for (--fail).")
                    return decision
                }
            }
            return decision
        }
    }
}
