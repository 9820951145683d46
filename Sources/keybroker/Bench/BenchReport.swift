// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import KMSProtocol

/// What was measured, for people and for programs (docs/reference/bench-output.schema.json).
struct BenchReport: Sendable {
    let url: String
    let operation: BenchOperation
    let subject: BenchSubject
    let connections: Int
    let depth: Int
    /// Signatures for each request.
    let batchSize: Int
    let result: BenchRun.Result
    let openssl: OpenSSLSpeed?

    /// Signatures, MACs, … not requests.
    private var rate: Double { Double(result.latencies.count) * Double(batchSize) / max(result.seconds, 1e-9) }
    private var ratio: Double? { openssl.map { rate / max($0.operationsPerSecond, 1e-9) } }
    private var errorCount: UInt64 { result.errors.values.reduce(0, +) }

    private static let quantiles: [(name: String, share: Double)] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)]

    // MARK: JSON

    var json: JSON {
        var latency: [(String, JSON)] = Self.quantiles.map { quantile in
            (quantile.name.replacing(".", with: ""), Self.microseconds(result.latencies.quantile(quantile.share)))
        }
        latency.append(("max", Self.microseconds(result.latencies.count > 0 ? result.latencies.maximum : nil)))
        latency.append(("mean", Self.microseconds(result.latencies.mean)))
        return .object(
            JSONObject([
                ("format", 1), ("endpoint", .string(url)), ("operation", .string(operation.rawValue)),
                ("keyId", .string(subject.keyID)), ("keySpec", .string(subject.spec.rawValue)),
                ("algorithm", subject.algorithm.map { .string($0) } ?? .null),
                ("connections", .integer(connections)), ("pipeline", .integer(depth)),
                ("batchSize", .integer(batchSize)), ("seconds", .rounded(result.seconds)),
                ("requests", .integer(Int(clamping: result.latencies.count))),
                ("operationsPerSecond", .rounded(rate)), ("latencyMicroseconds", .object(JSONObject(latency))),
                ("errors", .object(errors)), ("openssl", baseline), ("ratio", ratio.map(JSON.rounded) ?? .null),
                ("clientSigningMicroseconds", .rounded(result.signingMicroseconds)),
                ("loadAverage", Self.loadAverage.map(JSON.rounded) ?? .null),
            ])
        )
    }

    private var errors: JSONObject {
        JSONObject(result.errors.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int(clamping: $0.value))) })
    }

    private var baseline: JSON {
        guard let openssl else { return .null }
        return [
            "algorithm": .string(openssl.algorithm), "cores": 1,
            "operationsPerSecond": .rounded(openssl.operationsPerSecond),
        ]
    }

    private static func microseconds(_ nanoseconds: UInt64?) -> JSON {
        nanoseconds.map { .rounded(Double($0) / 1000) } ?? .null
    }

    // MARK: Table

    var lines: [String] {
        let algorithm = subject.algorithm.map { " with \($0)" } ?? ""
        var table = Table()
        let unit = operation == .signBatch ? "signatures/s" : "requests/s"
        table.add(["throughput", "\(Self.text(rate)) \(unit)"])
        for quantile in Self.quantiles {
            table.add([quantile.name, Self.latencyText(result.latencies.quantile(quantile.share))])
        }
        table.add(["max", Self.latencyText(result.latencies.count > 0 ? result.latencies.maximum : nil)])
        if let openssl, let ratio {
            table.add([
                "openssl speed", "\(Self.text(openssl.operationsPerSecond)) /s (\(openssl.algorithm), one core)",
            ])
            table.add(["ratio", String(format: "%.2f", ratio)])
        }
        for (name, count) in result.errors.sorted(by: { $0.key < $1.key }) {
            table.add(["error", "\(count) × \(Console.printable(name))"])
        }
        if errorCount == 0 { table.add(["errors", "none"]) }
        if let load = Self.loadAverage { table.add(["load average", String(format: "%.2f", load)]) }
        let batch = operation == .signBatch ? ", \(batchSize) a request" : ""
        let head =
            "\(operation.rawValue) \(subject.keyID) (\(subject.spec.rawValue))\(algorithm)\(batch): "
            + "\(connections) connections × \(depth), \(String(format: "%.1f", result.seconds)) s"
        return [head] + table.lines.map { "  " + $0 }
    }

    var hasErrors: Bool { errorCount > 0 || result.latencies.count == 0 }

    private static func text(_ rate: Double) -> String { String(format: rate < 100 ? "%.1f" : "%.0f", rate) }

    private static func latencyText(_ nanoseconds: UInt64?) -> String {
        guard let nanoseconds else { return "-" }
        return nanoseconds < 10_000_000
            ? String(format: "%.0f µs", Double(nanoseconds) / 1e3)
            : String(format: "%.1f ms", Double(nanoseconds) / 1e6)
    }

    /// Of the last minute: figures of a busy machine are worth little.
    private static var loadAverage: Double? {
        var values = [0.0]
        return unsafe getloadavg(&values, 1) == 1 ? values[0] : nil
    }
}

extension JSON {
    fileprivate static func integer(_ value: Int) -> JSON { .number(JSONNumber(Int64(value))) }
    /// Three digits behind the point.
    fileprivate static func rounded(_ value: Double) -> JSON { .number(JSONNumber((value * 1000).rounded() / 1000)) }
}
