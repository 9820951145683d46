// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import HostRelay
import Logging
import Testing

struct LoggingTests {
    @Test func `an event is one line of JSON, whatever its values are`() throws {
        let pipe = Pipe()
        let writer = LineWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        var logger = Logger(label: "test") { _ in JSONLinesLogHandler(writer: writer) }
        logger[metadataKey: "kept"] = "yes"
        logger.warning(
            "an event",
            metadata: ["text": "a\n{\"level\":\"error\"}\u{1B}", "level": "fake", "event": "fake"]
        )
        logger.debug("not shown")
        writer.flush()
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(text.filter { $0 == "\n" }.count == 1 && !text.contains("\u{1B}"))
        let object = try #require(try JSON.parse(Array(text.utf8.dropLast())).object)
        #expect(object.members.map(\.name) == ["time", "level", "event", "kept", "text"])
        #expect(object["level"]?.string == "warning" && object["event"]?.string == "an event")
        #expect(object["text"]?.string == "a\n{\"level\":\"error\"}\u{1B}")
        #expect(Timestamp(rfc3339: object["time"]?.string ?? "") != nil)
    }
}
