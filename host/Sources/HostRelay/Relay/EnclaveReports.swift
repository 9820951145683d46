// SPDX-License-Identifier: Apache-2.0

import Encoding
import NIOCore
import NIOHTTP1
import Synchronization
import Transport

/// What the enclave says of itself, best effort: log lines, which are written out again, and metrics, of which the
/// newest are kept.
final class EnclaveReports: Sendable {
    private let writer: LineWriter
    private let kept = Mutex<ByteBuffer?>(nil)

    init(writer: LineWriter) { self.writer = writer }

    /// JSON lines; each becomes a member of a line of ours, so that none can pass for one.
    func log(_ body: ByteBuffer) -> HTTPResponseStatus {
        guard body.readableBytes <= RelayLimits.logBody else { return .payloadTooLarge }
        let lines = body.readableBytesView.split(separator: 0x0A, omittingEmptySubsequences: true)
        guard lines.count <= RelayLimits.logLines, lines.allSatisfy({ $0.count <= RelayLimits.logLine }) else {
            return .payloadTooLarge
        }
        let limits = JSONLimits(totalLength: RelayLimits.logLine, depth: 8)
        var parsed: [JSON] = []
        for line in lines {
            guard let value = try? JSON.parse(Array(line), limits: limits), case .object = value else {
                return .badRequest
            }
            parsed.append(value)
        }
        for value in parsed {
            let level = value.object?["level"]?.string
            let known = level.map { ["info", "warning", "error"].contains($0) } ?? false
            let line: JSON = [
                "time": .string(wallClock().rfc3339), "level": .string(known ? level ?? "info" : "info"),
                "event": "enclave log", "enclave": value,
            ]
            writer.write(line.serialized())
        }
        return .noContent
    }

    func keepMetrics(_ body: ByteBuffer) -> HTTPResponseStatus {
        guard body.readableBytes <= RelayLimits.metricsBody else { return .payloadTooLarge }
        // A copy: the buffer given may be a slice of a larger one.
        let copy = ByteBuffer(bytes: body.readableBytesView)
        kept.withLock { $0 = copy }
        return .noContent
    }

    var metrics: ByteBuffer? { kept.withLock { $0 } }
}
