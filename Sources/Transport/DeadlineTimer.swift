// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One timer for a deadline that moves with every request: it is armed again only when the deadline comes nearer, and
/// otherwise looks again when it fires.
struct DeadlineTimer {
    private var scheduled: Scheduled<Void>?
    private var at: NIODeadline?

    /// Makes sure that `action` runs on `loop` at `deadline` or before.
    mutating func arm(at deadline: NIODeadline?, on loop: any EventLoop, _ action: @escaping () -> Void) {
        guard let deadline else { return }
        if let at, at <= deadline { return }
        scheduled?.cancel()
        at = deadline
        scheduled = loop.assumeIsolated().scheduleTask(deadline: deadline, action)
    }

    /// To be called first in the action.
    mutating func fired() {
        scheduled = nil
        at = nil
    }

    mutating func cancel() {
        scheduled?.cancel()
        fired()
    }
}
