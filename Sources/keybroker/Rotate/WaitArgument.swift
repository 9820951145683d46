// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

/// A length of time, as a flag: `90d`, `24h`, `30m`, `10s`.
struct WaitArgument: ExpressibleByArgument, Sendable, CustomStringConvertible {
    let seconds: Int64
    let description: String

    /// Ten years: longer waits are slips.
    private static let maximum: Int64 = 3653 * 86_400

    init?(argument: String) {
        let units: [Character: Int64] = ["d": 86_400, "h": 3600, "m": 60, "s": 1]
        guard let unit = argument.last.flatMap({ units[$0] }), let count = Int64(argument.dropLast()), count >= 0,
            count <= Self.maximum / unit
        else { return nil }
        seconds = count * unit
        description = argument
    }

    static func days(_ count: Int64) -> WaitArgument { WaitArgument(seconds: count * 86_400, description: "\(count)d") }

    private init(seconds: Int64, description: String) {
        self.seconds = seconds
        self.description = description
    }

    func after(_ time: Timestamp) -> Timestamp { time.advanced(byMilliseconds: seconds * 1000) }
}
