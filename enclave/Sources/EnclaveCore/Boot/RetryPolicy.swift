// SPDX-License-Identifier: Apache-2.0

/// How long to wait between tries: doubled each time up to a cap, half of it at random, so that many enclaves do not
/// come back together.
package struct RetryPolicy: Sendable {
    package var base: Duration
    package var cap: Duration
    /// Tries in all; nil: as many as it takes.
    package var tries: Int?

    package init(base: Duration, cap: Duration, tries: Int? = nil) {
        self.base = base
        self.cap = cap
        self.tries = tries
    }

    /// One try.
    package static let never = RetryPolicy(base: .zero, cap: .zero, tries: 1)

    /// 250 ms to 20 s (the cap of AWS SDKs' standard retry mode).
    package static let standard = RetryPolicy(base: .milliseconds(250), cap: .seconds(20))

    /// - Parameter failures: Tries that failed so far, from 1.
    /// - Returns: The pause before the next; nil: there is no next.
    func delay(after failures: Int) -> Duration? {
        if let tries, failures >= tries { return nil }
        let whole = min(cap, base * (1 << max(0, min(failures - 1, 20))))
        return whole / 2 + whole / 2 * Double.random(in: 0...1)
    }
}
