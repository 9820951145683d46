// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import HostRelay
import NIOHTTP1
import TestSupport
import Testing
import Transport

/// What an enclave reports, and what the host makes of it.
struct ReportTests {
    static let report: JSON = [
        "format": 1, "version": "0.1.0", "bootId": "0a1b2c3d", "state": "unlocked", "uptimeSeconds": 7,
        "connections": 2, "keyringVersion": 3, "signatures": 12, "repeatedRequests": 1,
        "bucketMicroseconds": [100, 1000],
        "requests": [
            [
                "operation": "Sign", "outcomes": ["ok": 12, "AccessDeniedException": 2], "buckets": [10, 3, 1],
                "microseconds": 4500,
            ],
            ["operation": "unauthenticated", "outcomes": ["other": 1], "buckets": [1, 0, 0], "microseconds": 20],
        ],
    ]

    private static func with(_ changes: [(String, JSON?)]) -> JSON {
        var object = report.object ?? JSONObject()
        for (name, value) in changes { object[name] = value }
        return .object(object)
    }

    private static func withRequest(_ changes: [(String, JSON?)]) -> JSON {
        var request = report.object?["requests"]?.array?.first?.object ?? JSONObject()
        for (name, value) in changes { request[name] = value }
        return with([("requests", [.object(request)])])
    }

    private func page(_ metrics: HostMetrics) -> String {
        metrics.text(HostMetrics.Gauges(), version: "1", now: Timestamp(seconds: 1_795_000_000))
    }

    @Test func `a report is as its schema says`() throws {
        #expect(try JSONSchema("enclave-report").faults(in: Self.report) == [])
    }

    // MARK: Restarts

    private func restarts(_ metrics: HostMetrics) -> String? {
        page(metrics).split(separator: "\n").first { $0.hasPrefix("keybroker_enclave_restarts_total ") }
            .map { String($0.dropFirst("keybroker_enclave_restarts_total ".count)) }
    }

    private func status(_ starts: Int, isRunning: Bool = true) -> EnclaveStatus {
        EnclaveStatus(
            state: isRunning ? .running([:]) : .down(reason: "x"),
            starts: starts,
            since: Timestamp(seconds: 1)
        )
    }

    @Test
    func `restarts are the starts that another launcher tells of, over its own restarts, after the one that was found`()
    {
        let found = HostMetrics()
        // It runs, started for the third time; then two ends that nobody reported; then another launcher, which takes it over.
        for (said, expected) in [(3, "0"), (3, "0"), (5, "2"), (0, "2"), (1, "3"), (1, "3")] {
            found.launcherSays(status(said))
            #expect(restarts(found) == expected, "\(said)")
        }
        // Nothing runs yet: the first start is none again.
        for first in [nil, status(2, isRunning: false)] {
            let metrics = HostMetrics()
            metrics.launcherSays(first)
            #expect(restarts(metrics) == "0")
            metrics.launcherSays(nil)
            metrics.launcherSays(status((first?.starts ?? 0) + 1))
            #expect(restarts(metrics) == "0")
            metrics.launcherSays(status((first?.starts ?? 0) + 2, isRunning: false))
            #expect(restarts(metrics) == "1")
        }
    }

    @Test func `restarts are the starts of the host's own launcher, those that never reported among them`() async throws
    {
        let metrics = HostMetrics()
        let supervisor = EnclaveSupervisor(
            ProcessLauncher(executable: "/bin/true", arguments: []),
            delays: RestartDelays(first: .milliseconds(10), longest: .milliseconds(10), healthy: .seconds(60)),
            metrics: metrics,
            logger: LogRecorder().logger
        )
        #expect(restarts(metrics) == "0")
        try await run(supervisor) { #expect(await eventually { (Int(restarts(metrics) ?? "") ?? 0) >= 3 }) }
    }

    @Test func `its figures are on the page, with buckets that add up`() async throws {
        let metrics = HostMetrics()
        try await withRelay(metrics: metrics) { relay in
            let response = try await relay.send(.PUT, "/metrics", body: Self.report.serialized())
            #expect(response.status == .noContent)
            let page = page(metrics)
            for line in [
                "keybroker_enclave_up 1", #"keybroker_requests_total{operation="Sign",outcome="ok"} 12"#,
                #"keybroker_requests_total{operation="Sign",outcome="AccessDeniedException"} 2"#,
                #"keybroker_request_duration_seconds_bucket{operation="Sign",le="0.0001"} 10"#,
                #"keybroker_request_duration_seconds_bucket{operation="Sign",le="0.001"} 13"#,
                #"keybroker_request_duration_seconds_bucket{operation="Sign",le="+Inf"} 14"#,
                #"keybroker_request_duration_seconds_sum{operation="Sign"} 0.0045"#,
                #"keybroker_request_duration_seconds_count{operation="Sign"} 14"#,
                #"keybroker_enclave_state{state="unlocked"} 1"#, "keybroker_enclave_keyring_version 3",
                "keybroker_signatures_total 12", "keybroker_enclave_restarts_total 0",
            ] {
                #expect(page.contains(line + "\n"), "\(line)\n\(page)")
            }
        }
    }

    @Test func `boots after the first are restarts`() async throws {
        let metrics = HostMetrics()
        try await withRelay(metrics: metrics) { relay in
            for boot in ["a", "a", "b", "b", "c"] {
                let report = Self.with([("bootId", .string(boot))])
                _ = try await relay.send(.PUT, "/metrics", body: report.serialized())
            }
            #expect(page(metrics).contains("keybroker_enclave_restarts_total 2\n"))
        }
    }

    static let hostile: [(String, JSON)] = [
        ("no object", []), ("another format", with([("format", 2)])), ("no boot", with([("bootId", nil)])),
        ("a state that breaks the text", with([("state", "a\"} 1\nkeybroker_enclave_up 0")])),
        ("a version of no letters", with([("version", "")])),
        ("a name too long", with([("state", .string(String(repeating: "a", count: 65)))])),
        ("a negative count", with([("signatures", -1)])),
        ("a count too high", with([("signatures", .number(JSONNumber(Int64.max)))])),
        ("a count that is text", with([("connections", "1")])), ("no bounds", with([("bucketMicroseconds", [])])),
        ("bounds that fall", with([("bucketMicroseconds", [100, 100])])),
        ("too many bounds", with([("bucketMicroseconds", .array((1...33).map { .number(JSONNumber($0)) }))])),
        (
            "too many operations",
            with([
                (
                    "requests",
                    .array(
                        (0..<97).map {
                            [
                                "operation": .string("Op\($0)"), "outcomes": [:], "buckets": [0, 0, 0],
                                "microseconds": 0,
                            ]
                        }
                    )
                )
            ])
        ),
        ("an operation twice", with([("requests", .array(report.object?["requests"]?.array.map { $0 + $0 } ?? []))])),
        ("an operation that breaks the text", withRequest([("operation", "Sign\"} 1")])),
        ("an outcome that breaks the text", withRequest([("outcomes", ["a\nb": 1])])),
        (
            "too many outcomes",
            withRequest([("outcomes", .object(JSONObject((0..<41).map { ("E\($0)", 1) })))])
        ),
        ("fewer buckets than bounds", withRequest([("buckets", [1, 2])])),
        ("a bucket that is no count", withRequest([("buckets", [1, 2, "3"])])),
        ("no time", withRequest([("microseconds", nil)])),
    ]

    @Test(arguments: hostile)
    func `a report that is not right is refused whole, counted, and changes nothing`(
        name: String,
        report: JSON
    ) async throws {
        let metrics = HostMetrics()
        try await withRelay(metrics: metrics) { relay in
            _ = try await relay.send(.PUT, "/metrics", body: Self.report.serialized())
            let before = page(metrics)
            let response = try await relay.send(.PUT, "/metrics", body: report.serialized())
            #expect(response.status == .badRequest, "\(name)")
            #expect(
                page(metrics)
                    == before.replacing(
                        "keybroker_enclave_reports_refused_total 0\n",
                        with: "keybroker_enclave_reports_refused_total 1\n"
                    )
            )
        }
    }

    @Test func `what KMS is asked is counted, with errors by KMS's names`() async throws {
        let metrics = HostMetrics()
        try await withRelay(metrics: metrics) { relay in
            let headers = ["X-Amz-Target": "TrentService.Decrypt", "Content-Type": "application/x-amz-json-1.1"]
            for _ in 0..<2 {
                _ = try await relay.send(
                    .POST,
                    "/kms",
                    .init(headers.map { ($0, $1) }),
                    body: Array(#"{"a": 1 }"#.utf8)
                )
            }
            _ = try await relay.send(.POST, "/kms", ["X-Amz-Target": "TrentService.Sign"], body: Array("{}".utf8))
            let page = page(metrics)
            for line in [
                #"keybroker_kms_requests_total{operation="Decrypt",outcome="ok"} 2"#,
                #"keybroker_kms_requests_total{operation="other",outcome="refused"} 1"#,
                #"keybroker_kms_request_duration_seconds_count{operation="Decrypt"} 2"#,
            ] {
                #expect(page.contains(line + "\n"), "\(line)\n\(page)")
            }
        }
    }

    @Test func `every metric is on its page of the reference, and no other`() throws {
        let file = SharedData.repository.appendingPathComponent("docs/reference/metrics.md")
        let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| `") }
        let named = rows.compactMap { $0.firstMatch(of: /`(keybroker_[a-z_]+)` \| ([a-z]+) \|/) }
        #expect(named.map { String($0.1) } == Metric.allCases.map(\.rawValue))
        #expect(named.map { String($0.2) } == Metric.allCases.map(\.kind.rawValue))
        #expect(named.count == rows.count)
    }

    /// Reads the page as Prometheus's own Python client does, and says what families it found.
    static let parser = """
        import sys
        from prometheus_client.parser import text_string_to_metric_families
        for family in text_string_to_metric_families(sys.stdin.read()):
            assert family.documentation and family.type != "unknown", family
            print(family.type, family.name, len(family.samples))
        """

    @Test(.enabled(if: hasPrometheusClient, "needs Python's prometheus_client (make test brings it)"))
    func `the page is Prometheus's text format, to its own Python client`() async throws {
        let metrics = HostMetrics()
        try await withRelay(metrics: metrics) { relay in
            _ = try await relay.send(.PUT, "/metrics", body: Self.report.serialized())
            let page = page(metrics)
            let read = try await Tool.succeed("python3", ["-c", Self.parser], input: Array(page.utf8))
            let families = read.text.split(separator: "\n").map { $0.split(separator: " ") }
            let declared = page.matches(of: /# TYPE (\S+) (\S+)\n/).map { (String($0.1), String($0.2)) }
            #expect(families.count == declared.count && declared.count > 15)
            for (family, (name, kind)) in zip(families, declared) {
                // The client names counters without their suffix.
                #expect(family[1] == (kind == "counter" ? name.dropLast(6) : name[...]) && family[0] == kind)
            }
        }
    }
}

/// `make test` puts it into the environment that it runs the tests in.
let hasPrometheusClient = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", "import prometheus_client"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()
