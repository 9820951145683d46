// SPDX-License-Identifier: Apache-2.0

import Encoding

/// What an enclave said of itself, bounded and checked: it may be anybody's enclave.
///
/// Every name has letters and digits alone, so that it cannot break the text that it goes into, and there are so many at
/// most that it cannot swamp whoever collects them.
struct ReceivedReport: Sendable {
    struct Operation: Sendable {
        var name: String
        var outcomes: [(name: String, count: Int64)]
        var latency: PrometheusText.Histogram
    }

    private(set) var version = ""
    private(set) var bootID = ""
    private(set) var state = ""
    private(set) var uptimeSeconds: Int64 = 0
    private(set) var connections: Int64 = 0
    private(set) var keyringVersion: Int64?
    private(set) var signatures: Int64 = 0
    private(set) var repeatedRequests: Int64 = 0
    private(set) var operations: [Operation] = []

    /// Reads `docs/reference/enclave-report.schema.json`. Members that are not known are those of a newer enclave.
    ///
    /// - Throws: ``JSONFieldError``.
    init(_ bytes: [UInt8]) throws(JSONFieldError) {
        var fields = try JSONFields(json: bytes, limits: JSONLimits(totalLength: RelayLimits.metricsBody, depth: 8))
        _ = try fields.integer("format", in: 1...1)
        version = try Self.name(try fields.string("version"), extra: ".-+", at: "version")
        bootID = try Self.name(try fields.string("bootId"), extra: "", at: "bootId")
        state = try Self.name(try fields.string("state"), extra: "-", at: "state")
        uptimeSeconds = try Self.count("uptimeSeconds", &fields)
        connections = try Self.count("connections", &fields)
        signatures = try Self.count("signatures", &fields)
        repeatedRequests = try Self.count("repeatedRequests", &fields)
        keyringVersion = try fields.optionalInteger("keyringVersion", in: 0...RelayLimits.metricsCount)
        let bounds = try Self.bounds(try fields.value("bucketMicroseconds"))
        guard let requests = try fields.value("requests").array, requests.count <= RelayLimits.metricsOperations else {
            throw Self.invalid("requests", "must be a list of \(RelayLimits.metricsOperations) operations at most")
        }
        for (index, request) in requests.enumerated() {
            operations.append(try Self.operation(request, bounds, at: "requests[\(index)]"))
        }
        guard Set(operations.map(\.name)).count == operations.count else {
            throw Self.invalid("requests", "must name each operation once")
        }
    }

    private static func bounds(_ json: JSON) throws(JSONFieldError) -> [Double] {
        let path = "bucketMicroseconds"
        guard let values = json.array, (1...RelayLimits.metricsBuckets).contains(values.count) else {
            throw invalid(path, "must be a list of 1 to \(RelayLimits.metricsBuckets) bounds")
        }
        var bounds: [Int64] = []
        for value in values {
            guard let bound = value.int64, bound > bounds.last ?? 0, bound <= RelayLimits.metricsCount else {
                throw invalid(path, "must rise")
            }
            bounds.append(bound)
        }
        return bounds.map { Double($0) / 1_000_000 }
    }

    private static func operation(_ json: JSON, _ bounds: [Double], at path: String) throws(JSONFieldError) -> Operation
    {
        var fields = try JSONFields(json, at: path)
        let name = try name(try fields.string("operation"), extra: "", at: fields.path("operation"))
        let outcomesPath = fields.path("outcomes")
        guard let outcomes = try fields.value("outcomes").object, outcomes.members.count <= RelayLimits.metricsOutcomes
        else { throw invalid(outcomesPath, "must be an object of \(RelayLimits.metricsOutcomes) outcomes at most") }
        var counted: [(name: String, count: Int64)] = []
        for (outcome, count) in outcomes.members {
            counted.append((try self.name(outcome, extra: "", at: outcomesPath), try self.count(count, outcomesPath)))
        }
        let bucketsPath = fields.path("buckets")
        guard let buckets = try fields.value("buckets").array, buckets.count == bounds.count + 1 else {
            throw invalid(bucketsPath, "must be a list of one count more than there are bounds")
        }
        var counts: [Int64] = []
        for bucket in buckets { counts.append(try count(bucket, bucketsPath)) }
        let microseconds = try count("microseconds", &fields)
        let latency = PrometheusText.Histogram(bounds: bounds, counts: counts, sum: Double(microseconds) / 1_000_000)
        return Operation(name: name, outcomes: counted, latency: latency)
    }

    // MARK: Forms

    private static func count(_ name: String, _ fields: inout JSONFields) throws(JSONFieldError) -> Int64 {
        try fields.integer(name, in: 0...RelayLimits.metricsCount)
    }

    private static func count(_ json: JSON, _ path: String) throws(JSONFieldError) -> Int64 {
        guard let count = json.int64, (0...RelayLimits.metricsCount).contains(count) else {
            throw invalid(path, "must be counts")
        }
        return count
    }

    private static func name(_ text: String, extra: String, at path: String) throws(JSONFieldError) -> String {
        guard HostConfigurationReader.isName(text, extra: extra) else {
            throw invalid(path, "must be a name of 1 to 64 letters and digits")
        }
        return text
    }

    private static func invalid(_ path: String, _ reason: String) -> JSONFieldError {
        JSONFieldError(path: path, problem: .invalid(reason: reason))
    }
}
