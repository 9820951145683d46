// SPDX-License-Identifier: Apache-2.0

import Encoding
import Logging
import NIOCore
import NIOHTTP1
import Transport

/// What the enclave says of itself, best effort: log lines, which are written out again, and metrics, which are read and
/// kept until the next.
final class EnclaveReports: Sendable {
    /// An enclave's log has these, and no other.
    private static let levels: [Logger.Level] = [.info, .warning, .error]

    private let writer: LineWriter
    private let metrics: HostMetrics

    init(writer: LineWriter, metrics: HostMetrics) {
        self.writer = writer
        self.metrics = metrics
    }

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
            let known = Self.levels.first { $0.rawValue == level } ?? .info
            let line: JSON = [
                "time": .string(wallClock().rfc3339), "level": .string(known.rawValue),
                "event": "enclave log", "enclave": value,
            ]
            writer.write(line.serialized(), known)
        }
        return .noContent
    }

    func keepMetrics(_ body: ByteBuffer) -> HTTPResponseStatus {
        guard body.readableBytes <= RelayLimits.metricsBody else { return .payloadTooLarge }
        do throws(JSONFieldError) {
            metrics.enclaveReported(try ReceivedReport(Array(body.readableBytesView)))
            return .noContent
        } catch {
            metrics.reportWasRefused()
            return .badRequest
        }
    }
}
