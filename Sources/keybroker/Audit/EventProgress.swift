// SPDX-License-Identifier: Apache-2.0

/// How far a long job is, once a second.
struct EventProgress {
    private let start = ContinuousClock.now
    private var last = ContinuousClock.now
    private static let interval = Duration.seconds(1)

    mutating func update(_ count: Int) {
        let now = ContinuousClock.now
        guard now - last > Self.interval else { return }
        last = now
        Progress.show("\(count) events, \(Int(Double(count) / ((now - start) / .seconds(1)))) a second")
    }
}
