// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Log lines, one JSON object each: to the relay, and to standard error what the relay does not take. Where both end in one
/// place, as on a laptop, each line is there once.
///
/// Public values only: the host reads every line.
package final class EnclaveLog: Sendable {
    package enum Level: String, Sendable {
        case info
        case warning
        case error
    }

    /// Where a line goes, with its newline.
    package typealias Sink = @Sendable (_ line: [UInt8]) -> Void

    /// Lines for the relay, the newest ``EnclaveLimits/logLines`` of them.
    let lines: AsyncStream<[UInt8]>
    private let continuation: AsyncStream<[UInt8]>.Continuation
    private let sink: Sink
    /// For lines that the relay did not take.
    let unsent: Sink

    /// - Parameters:
    ///   - sink: Gets every line at once.
    ///   - unsent: Gets what the relay did not take.
    package init(sink: @escaping Sink = { _ in }, unsent: @escaping Sink = { _ in }) {
        self.sink = sink
        self.unsent = unsent
        (lines, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(EnclaveLimits.logLines))
    }

    func info(_ message: String, _ fields: [(String, JSON)] = []) { write(.info, message, fields) }
    func warning(_ message: String, _ fields: [(String, JSON)] = []) { write(.warning, message, fields) }
    func error(_ message: String, _ fields: [(String, JSON)] = []) { write(.error, message, fields) }

    private func write(_ level: Level, _ message: String, _ fields: [(String, JSON)]) {
        let members: [(String, JSON)] = [("level", .string(level.rawValue)), ("message", .string(message))]
        let line = JSON.object(JSONObject(members + fields)).serialized() + [UInt8(ascii: "\n")]
        sink(line)
        continuation.yield(line)
    }
}

/// Another party's words, cut to a length that a log bears.
func quoted(_ text: String) -> String { String(text.prefix(EnclaveLimits.quotedError)) }
