// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Something that outsiders can make happen as often as they like, and that is reported once a second at most.
final class RareEvent: Sendable {
    private struct State {
        var count = 0
        var reported: NIODeadline?
    }

    private let state = Mutex(State())

    func happened(_ report: (_ count: Int) -> Void) {
        let count: Int? = state.withLock { state in
            state.count += 1
            let now = NIODeadline.now()
            if let reported = state.reported, now - reported < .seconds(1) { return nil }
            state.reported = now
            defer { state.count = 0 }
            return state.count
        }
        if let count { report(count) }
    }
}
