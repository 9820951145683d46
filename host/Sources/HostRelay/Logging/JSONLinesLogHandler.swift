// SPDX-License-Identifier: Apache-2.0

package import Encoding
import Glibc
package import Logging

/// One JSON object a line: `time`, `level`, `event`, then the metadata by name, as text. Everything is escaped, so a line
/// stays a line whoever wrote its values.
package struct JSONLinesLogHandler: LogHandler {
    package var logLevel = Logger.Level.info
    package var metadata = Logger.Metadata()

    private let writer: LineWriter

    package init(writer: LineWriter) { self.writer = writer }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var members = [
            ("time", JSON.string(wallClock().rfc3339)), ("level", .string(event.level.rawValue)),
            ("event", .string(event.message.description)),
        ]
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) where !["time", "level", "event"].contains(name) {
            members.append((name, .string(value.description)))
        }
        writer.write(JSON.object(JSONObject(members)).serialized(), event.level)
    }
}

/// The system's clock: for log lines and for signing requests to KMS, on a machine that nobody has to believe.
package func wallClock() -> Timestamp {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
}
