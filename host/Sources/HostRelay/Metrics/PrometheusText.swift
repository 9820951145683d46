// SPDX-License-Identifier: Apache-2.0

/// Writes Prometheus's text format, version 0.0.4 (prometheus.io, "Exposition formats").
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    typealias Labels = [(name: String, value: String)]

    /// Counts of an observation by upper bound, not cumulative; one count more than bounds, which has the rest.
    struct Histogram: Sendable {
        /// Seconds, rising.
        var bounds: [Double]
        var counts: [Int64]
        /// Seconds.
        var sum: Double

        init(bounds: [Double]) {
            self.init(bounds: bounds, counts: [Int64](repeating: 0, count: bounds.count + 1), sum: 0)
        }

        init(bounds: [Double], counts: [Int64], sum: Double) {
            self.bounds = bounds
            self.counts = counts
            self.sum = sum
        }

        mutating func observe(_ seconds: Double) {
            counts[bounds.firstIndex { seconds <= $0 } ?? bounds.count] += 1
            sum += seconds
        }
    }

    private(set) var text = ""

    /// A family of counters or gauges; nothing for none.
    mutating func add(_ metric: Metric, _ samples: [(labels: Labels, value: String)]) {
        guard !samples.isEmpty else { return }
        head(metric)
        for (labels, value) in samples { sample(metric.rawValue, labels, value) }
    }

    mutating func add(_ metric: Metric, _ value: some BinaryInteger) { add(metric, [([], "\(value)")]) }

    mutating func add(_ metric: Metric, _ histograms: [(labels: Labels, histogram: Histogram)]) {
        guard !histograms.isEmpty else { return }
        head(metric)
        for (labels, histogram) in histograms {
            var total: Int64 = 0
            for (index, count) in histogram.counts.enumerated() {
                total += count
                let bound = index < histogram.bounds.count ? Self.number(histogram.bounds[index]) : "+Inf"
                sample(metric.rawValue + "_bucket", labels + [("le", bound)], "\(total)")
            }
            sample(metric.rawValue + "_sum", labels, Self.number(histogram.sum))
            sample(metric.rawValue + "_count", labels, "\(total)")
        }
    }

    /// As short as it reads back the same.
    static func number(_ value: Double) -> String { value == value.rounded() ? "\(Int64(value))" : "\(value)" }

    private mutating func head(_ metric: Metric) {
        text += "# HELP \(metric.rawValue) \(metric.help)\n# TYPE \(metric.rawValue) \(metric.kind.rawValue)\n"
    }

    private mutating func sample(_ name: String, _ labels: Labels, _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
