// SPDX-License-Identifier: Apache-2.0

/// Several ways to spend time, measured side by side.
struct Measurement {
    let name: String
    let work: () throws -> Void
    private(set) var nanoseconds: [Double] = []

    init(_ name: String, _ work: @escaping () throws -> Void) {
        self.name = name
        self.work = work
    }

    /// The median of all rounds, for one call.
    var median: Double {
        let sorted = nanoseconds.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    /// Calls the work `count` times and notes the mean.
    mutating func round(calls count: Int) throws {
        let start = ContinuousClock.now
        for _ in 0..<count { try work() }
        let elapsed = (ContinuousClock.now - start).components
        nanoseconds.append((Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9) / Double(count))
    }

    /// Takes turns in short rounds, so that a machine that slows down slows all of them down alike.
    static func compare(_ measurements: inout [Measurement], rounds: Int, calls: Int) throws {
        for round in -1..<rounds {
            for index in measurements.indices {
                try measurements[index].round(calls: calls)
                // The first round warms up.
                if round < 0 { measurements[index].nanoseconds = [] }
            }
        }
    }
}
