// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Synchronization

/// Writes lines to a descriptor from a thread of its own, so that a reader that stalls stops nothing but the log.
///
/// At most ``maximumWaiting`` lines wait; what comes beyond is dropped and counted, and the count is logged.
package final class LineWriter: Sendable {
    static let maximumWaiting = 4096

    private struct State {
        var waiting = 0
        var dropped = 0
    }

    private let descriptor: CInt
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "keybroker.log")

    package init(descriptor: CInt) { self.descriptor = descriptor }

    /// Appends a line break and writes, some time soon.
    func write(_ line: [UInt8]) {
        let dropped: Int? = state.withLock { state in
            guard state.waiting < Self.maximumWaiting else {
                state.dropped += 1
                return nil
            }
            state.waiting += 1
            defer { state.dropped = 0 }
            return state.dropped
        }
        guard let dropped else { return }
        queue.async { [self] in
            if dropped > 0 {
                writeNow(Array(#"{"level":"warning","event":"log lines dropped","lines":\#(dropped)}"#.utf8))
            }
            writeNow(line)
            state.withLock { $0.waiting -= 1 }
        }
    }

    /// Waits until all lines so far are written.
    package func flush() { queue.sync {} }

    private func writeNow(_ line: [UInt8]) {
        var rest = (line + [0x0A])[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // Nobody reads any more: there is no one to tell.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
