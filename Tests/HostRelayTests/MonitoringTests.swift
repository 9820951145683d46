// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import HostRelay
import TestSupport
import Testing

/// The dashboard and the alert rules ask for what there is.
struct MonitoringTests {
    private static let folder = SharedData.repository.appendingPathComponent("host/config")

    /// Names of samples: of a histogram its three series.
    private static let known: Set<String> = Metric.allCases.reduce(into: []) { names, metric in
        guard metric.kind == .histogram else {
            names.insert(metric.rawValue)
            return
        }
        for suffix in ["_bucket", "_sum", "_count"] { names.insert(metric.rawValue + suffix) }
    }

    private static func names(_ expression: String) -> Set<String> {
        Set(expression.matches(of: /keybroker_[a-z_]+/).map { String($0.0) })
    }

    @Test func `every expression of the dashboard names metrics that exist, and every metric is on it`() throws {
        let bytes = [UInt8](try Data(contentsOf: Self.folder.appendingPathComponent("grafana-dashboard.json")))
        let dashboard = try #require(try JSON.parse(bytes).object)
        var asked: Set<String> = []
        for panel in (dashboard["panels"]?.array ?? []).compactMap(\.object) {
            let targets = (panel["targets"]?.array ?? []).compactMap(\.object)
            #expect(!targets.isEmpty)
            for target in targets {
                let expression = try #require(target["expr"]?.string)
                let names = Self.names(expression)
                #expect(!names.isEmpty && names.isSubset(of: Self.known), "\(expression)")
                asked.formUnion(names)
            }
        }
        for metric in Metric.allCases {
            #expect(asked.contains { $0.hasPrefix(metric.rawValue) }, "\(metric.rawValue)")
        }
    }

    /// Rules as they are read: name, expression, severity, summary.
    private static let reader = """
        import json, sys, yaml
        groups = yaml.safe_load(open(sys.argv[1]))["groups"]
        print(json.dumps([rule for group in groups for rule in group["rules"]]))
        """

    @Test(.enabled(if: hasPrometheusClient, "needs make test's Python environment"))
    func `every alert names metrics that exist, has a severity and says what is wrong`() async throws {
        let file = Self.folder.appendingPathComponent("prometheus-alerts.yml").path
        let read = try await Tool.succeed("python3", ["-c", Self.reader, file])
        let rules = (try JSON.parse(read.output).array ?? []).compactMap(\.object)
        let page = try String(
            contentsOf: SharedData.repository.appendingPathComponent("docs/OPERATIONS.md"),
            encoding: .utf8
        )
        #expect(rules.count > 10)
        for rule in rules {
            let name = try #require(rule["alert"]?.string)
            let expression = try #require(rule["expr"]?.string)
            let names = Self.names(expression)
            #expect(!names.isEmpty && names.isSubset(of: Self.known), "\(expression)")
            #expect(["critical", "warning", "info"].contains(rule["labels"]?.object?["severity"]?.string))
            #expect(rule["annotations"]?.object?["summary"]?.string?.isEmpty == false)
            for (open, close) in [("(", ")"), ("{", "}"), ("[", "]")] {
                #expect(
                    expression.components(separatedBy: open).count == expression.components(separatedBy: close).count
                )
            }
            // What it means, and what to do.
            #expect(page.contains("| `\(name)` |"), "\(name)")
        }
    }
}
