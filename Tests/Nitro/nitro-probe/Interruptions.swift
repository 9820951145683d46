// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Signals that come again and again, with a handler that lets no system call restart.
enum Interruptions {
    private static let count = Atomic(0)
    private static let microseconds = 500

    /// Runs `body` under them and returns how many came.
    static func during(_ body: () throws -> Void) throws -> Int {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in Interruptions.count.add(1, ordering: .relaxed) }
        action.sa_flags = 0
        guard unsafe sigaction(SIGALRM, &action, nil) == 0 else { throw Checks.Failure("sigaction: errno \(errno)") }
        let before = count.load(ordering: .relaxed)
        try every(microseconds)
        defer { try? every(0) }
        try body()
        return count.load(ordering: .relaxed) - before
    }

    private static func every(_ microseconds: Int) throws {
        let interval = timeval(tv_sec: 0, tv_usec: microseconds)
        var timer = itimerval(it_interval: interval, it_value: interval)
        guard unsafe setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil) == 0 else {
            throw Checks.Failure("setitimer: errno \(errno)")
        }
    }
}
