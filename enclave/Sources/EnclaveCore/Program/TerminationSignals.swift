// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Synchronization

/// SIGTERM and SIGINT as something to wait for. Made on the main thread before any other is: they inherit that the
/// signals are blocked.
struct TerminationSignals {
    private var signals = sigset_t()

    init() {
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe sigaddset(&signals, SIGINT)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        // A peer that closed is an error of the write, not of the process.
        signal(SIGPIPE, SIG_IGN)
    }

    func wait() {
        var signals = signals
        var received: Int32 = 0
        while unsafe sigwait(&signals, &received) != 0 {}
    }
}

/// A result that one thread waits for and another brings.
final class DispatchedResult<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let arrived = DispatchSemaphore(value: 0)

    func finish(_ result: Result<Value, any Error>) {
        self.result.withLock { $0 = result }
        arrived.signal()
    }

    func wait() -> Result<Value, any Error> {
        while true {
            arrived.wait()
            if let result = result.withLock({ $0 }) { return result }
        }
    }
}
