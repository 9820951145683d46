// SPDX-License-Identifier: Apache-2.0

/// Counts of latencies in buckets that grow with the value: at most 1 % wide.
package struct LatencyHistogram: Sendable {
    /// 128 buckets for each power of two.
    private static let stepBits = 7
    private static let steps = 1 << stepBits

    private var counts = [UInt64](repeating: 0, count: (64 - stepBits + 1) * steps)
    package private(set) var count: UInt64 = 0
    /// Exact, in nanoseconds.
    package private(set) var maximum: UInt64 = 0
    private var sum: UInt64 = 0

    package init() {}

    package mutating func record(nanoseconds: UInt64) {
        counts[Self.bucket(of: nanoseconds)] += 1
        count += 1
        maximum = max(maximum, nanoseconds)
        sum &+= nanoseconds
    }

    /// The value that a share of all does not exceed, in nanoseconds; nil if there are none.
    package func quantile(_ share: Double) -> UInt64? {
        guard count > 0 else { return nil }
        let rank = min(count, UInt64((Double(count) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (bucket, count) in counts.enumerated() {
            seen += count
            if seen >= max(1, rank) { return min(maximum, Self.upperBound(of: bucket)) }
        }
        return maximum
    }

    package var mean: UInt64? { count > 0 ? sum / count : nil }

    private static func bucket(of value: UInt64) -> Int {
        let bits = 64 - value.leadingZeroBitCount
        guard bits > stepBits else { return Int(value) }
        let shift = bits - stepBits - 1
        return (shift + 1) * steps + Int(value >> UInt64(shift)) - steps
    }

    private static func upperBound(of bucket: Int) -> UInt64 {
        guard bucket >= steps else { return UInt64(bucket) }
        let shift = UInt64(bucket / steps - 1)
        // The bound of the last bucket is one less than 2^64, which does not fit.
        return ((UInt64(bucket % steps + steps) + 1) << shift) &- 1
    }
}
