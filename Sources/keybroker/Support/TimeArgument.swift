// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

/// A time, as a flag.
struct TimeArgument: ExpressibleByArgument, Sendable {
    let time: Timestamp

    init?(argument: String) {
        guard let time = Timestamp(rfc3339: argument) else { return nil }
        self.time = time
    }
}
