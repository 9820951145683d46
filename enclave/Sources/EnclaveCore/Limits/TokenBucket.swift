// SPDX-License-Identifier: Apache-2.0

package import Encoding
import Synchronization

/// A token bucket in one number and without a lock: the time at which the bucket will be full again (the generic cell
/// rate algorithm, ITU-T I.371 annex A).
package final class TokenBucket: Sendable {
    private let nanosecondsEach: Int64
    /// Nanoseconds from empty to full.
    private let depth: Int64
    private let fullAt = Atomic<Int64>(.min)

    /// - Parameters:
    ///   - rate: Tokens a second.
    ///   - burst: Tokens of a full bucket.
    package init(rate: Int, burst: Int) {
        nanosecondsEach = 1_000_000_000 / Int64(max(1, rate))
        depth = Self.product(nanosecondsEach, Int64(burst))
    }

    /// Takes tokens, if at least `reserve` are left then; false takes none.
    ///
    /// A clock that was set back does not stop the bucket: it is empty then at worst, and fills at its rate.
    package func take(_ tokens: Int, at now: Timestamp, leaving reserve: Int = 0) -> Bool {
        let now = Self.product(now.milliseconds, 1_000_000)
        let (cost, kept) = (Self.product(nanosecondsEach, Int64(tokens)), Self.product(nanosecondsEach, Int64(reserve)))
        var seen = fullAt.load(ordering: .relaxed)
        while true {
            let missing = Self.missing(fullAt: seen, now, depth)
            let isEnough = cost <= depth - missing && kept <= depth - missing - cost
            let next = Self.sum(now, isEnough ? missing + cost : missing)
            if !isEnough, next >= seen { return false }
            let (exchanged, original) = fullAt.weakCompareExchange(expected: seen, desired: next, ordering: .relaxed)
            if exchanged { return isEnough }
            seen = original
        }
    }

    /// Whether more than half of the tokens are there.
    func isHalfFull(at now: Timestamp) -> Bool { missing(at: now) < depth / 2 }

    /// Whether nothing has been taken that is not there again.
    func isFull(at now: Timestamp) -> Bool { missing(at: now) == 0 }

    private func missing(at now: Timestamp) -> Int64 {
        Self.missing(fullAt: fullAt.load(ordering: .relaxed), Self.product(now.milliseconds, 1_000_000), depth)
    }

    // MARK: Nanoseconds

    private static func missing(fullAt: Int64, _ now: Int64, _ depth: Int64) -> Int64 {
        guard fullAt > now else { return 0 }
        let (left, overflow) = fullAt.subtractingReportingOverflow(now)
        return overflow ? depth : min(left, depth)
    }

    private static func product(_ a: Int64, _ b: Int64) -> Int64 {
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        return overflow ? ((a < 0) == (b < 0) ? .max : .min) : product
    }

    private static func sum(_ a: Int64, _ b: Int64) -> Int64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }
}
