// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Logging

/// What one request leaves in the program's log: who asked for what, and how it went. Never a payload.
struct LogEntry {
    /// Characters of a text that a client sent.
    private static let maximumTextLength = 256

    private let record: RequestRecord

    init(_ record: RequestRecord) { self.record = record }

    func write(to logger: Logger) {
        var metadata: Logger.Metadata = [
            "outcome": "\(record.error?.name ?? "ok")", "request": "\(record.requestID)",
        ]
        if let caller = record.caller { metadata["caller"] = "\(caller.arn)" }
        if let key = record.key { metadata["key"] = "\(Self.printable(key))" }
        if let pcr0 = record.recipient?.pcrs[0] { metadata["recipient-pcr0"] = "\(Hex.encode(pcr0))" }
        if let failure = record.injectedFailure { metadata["injected"] = "\(failure)" }
        logger.info("\(record.operation ?? "request")", metadata: metadata)
    }

    /// The key is whatever the client sent: one line of plain characters, and not a long one.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(maximumTextLength).map { (0x21...0x7E).contains($0.value) ? $0 : "?" }
            )
        )
    }
}
