// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Logging
import Synchronization

/// Writes lines to a descriptor from a thread of its own, so that a reader that stalls stops nothing but the log.
///
/// At most ``maximumWaiting`` lines wait; what comes beyond is dropped and counted, and the count is logged.
package final class LineWriter: Sendable {
    static let maximumWaiting = 4096

    private struct State {
        var waiting = 0
        /// Since the last line that was written, and ever.
        var dropped = 0
        var droppedInAll: Int64 = 0
    }

    private let descriptor: CInt
    private let marksLevels: Bool
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "keybroker.log")

    /// - Parameters:
    ///   - descriptor: Where lines go.
    ///   - marksLevels: Each line begins with its level as `<3>`, which the journal takes off and keeps as its PRIORITY
    ///     (sd-daemon(3)).
    package init(descriptor: CInt, marksLevels: Bool = false) {
        self.descriptor = descriptor
        self.marksLevels = marksLevels
    }

    /// Appends a line break and writes, some time soon.
    func write(_ line: [UInt8], _ level: Logger.Level = .info) {
        let dropped: Int? = state.withLock { state in
            guard state.waiting < Self.maximumWaiting else {
                state.dropped += 1
                state.droppedInAll += 1
                return nil
            }
            state.waiting += 1
            defer { state.dropped = 0 }
            return state.dropped
        }
        guard let dropped else { return }
        queue.async { [self] in
            if dropped > 0 {
                writeNow(Array(#"{"level":"warning","event":"log lines dropped","lines":\#(dropped)}"#.utf8), .warning)
            }
            writeNow(line, level)
            state.withLock { $0.waiting -= 1 }
        }
    }

    /// Lines that were dropped so far.
    var droppedCount: Int64 { state.withLock { $0.droppedInAll } }

    /// Waits until all lines so far are written.
    package func flush() { queue.sync {} }

    private func writeNow(_ line: [UInt8], _ level: Logger.Level) {
        var rest = ((marksLevels ? Array("<\(level.syslogPriority)>".utf8) : []) + line + [0x0A])[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // Nobody reads any more: there is no one to tell.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

extension Logger.Level {
    /// Priorities of syslog(3).
    fileprivate var syslogPriority: Int {
        switch self {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }
}
