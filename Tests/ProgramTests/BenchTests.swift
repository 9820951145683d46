// SPDX-License-Identifier: Apache-2.0

import Encoding
import TestSupport
import Testing

/// `keybroker bench` against a broker that is set up as an operator would.
struct BenchTests {
    private static func bench(_ environment: [String: String], _ arguments: [String]) async throws -> (
        JSONObject, Int32
    ) {
        let common = ["--connections", "2", "--duration", "0.5", "--warm-up", "0", "--openssl-seconds", "1", "--json"]
        let result = try await Programs.run(
            ["keybroker", "bench"] + common + arguments,
            environment: environment
        )
        let output = try #require(try JSON.parse(Array(result.text.utf8)).object, "\(result.errors)")
        #expect(try JSONSchema("bench-output").faults(in: .object(output)) == [])
        return (output, result.status)
    }

    @Test func `every operation is measured beside openssl, through the ingress`() async throws {
        let broker = try await RunningBroker()
        let environment = broker.clientEnvironment
        // All at once: each waits for its time to pass.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (operation, key, batch) in [
                ("sign", "alias/audit-ed25519", 1), ("verify", "alias/audit-p256", 1), ("sign", "alias/audit-rsa", 1),
                ("generate-mac", "alias/audit-hmac", 1), ("sign-batch", "alias/audit-ed25519", 10),
            ] {
                group.addTask { try await Self.measures(operation, key, batch, environment) }
            }
            try await group.waitForAll()
        }
        let (output, _) = try await Self.bench(
            broker.clientEnvironment,
            ["--key", "alias/audit-p256", "--operation", "get-public-key"]
        )
        #expect(output["openssl"] == .null)
    }

    private static func measures(_ operation: String, _ key: String, _ batch: Int, _ environment: [String: String])
        async throws
    {
        let arguments = ["--key", key, "--operation", operation, "--batch-size", "10"]
        let (output, status) = try await Self.bench(environment, arguments)
        #expect(status == 0)
        #expect(output["errors"]?.object?.members.isEmpty == true)
        #expect(output["batchSize"]?.int64 == Int64(batch))
        #expect(try #require(output["requests"]?.int64) > 0)
        let rate = try #require(output["openssl"]?.object?["operationsPerSecond"]?.number)
        let ratio = try #require(output["ratio"]?.number)
        let measured = try #require(output["operationsPerSecond"]?.number)
        #expect(abs(ratio - measured / rate) < 0.01)
        let latency = try #require(output["latencyMicroseconds"]?.object)
        let quantiles = try ["p50", "p99", "p999", "max"].map { try #require(latency[$0]?.number) }
        #expect(quantiles == quantiles.sorted())
    }

    @Test func `a key that is none is said so, and nothing is measured`() async throws {
        let broker = try await RunningBroker()
        let result = try await Programs.run(
            ["keybroker", "bench", "--key", "alias/none"],
            environment: broker.clientEnvironment
        )
        #expect(result.status == 1)
        #expect(result.errors.contains("NotFoundException"))
    }
}

extension JSON {
    fileprivate var number: Double? { if case .number(let number) = self { number.double } else { nil } }
}
