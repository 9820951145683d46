// SPDX-License-Identifier: Apache-2.0

import AWSClient
import ArgumentParser
import Encoding
import Foundation
import KMSProtocol
import Transport

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure a deployment: throughput and latency, beside openssl speed.",
        discussion: """
            Asks a broker for one operation over and over on kept connections, with signed requests that are made ahead. Every
            request is one that any client could send; the key's policy has to allow the operation and kms:DescribeKey.

            `openssl speed` measures one core's processor time for the same primitive in the same run. The ratio compares with
            it; the broker may use more cores, and shares them with this client if it runs beside it.

              keybroker bench --key alias/audit-ed25519 --operation sign --connections 64
              keybroker bench --key alias/audit-rsa --operation sign-batch --batch-size 1000 --connections 2 --json
            """
    )

    @OptionGroup var broker: BrokerOptions

    @Option(help: ArgumentHelp("The key: id, ARN, alias or alias ARN.", valueName: "KEY-ID"))
    var key: String

    @Option(help: ArgumentHelp("\(BenchOperation.allCases.map(\.rawValue).joined(separator: ", "))."))
    var operation: BenchOperation = .sign

    @Option(help: ArgumentHelp("An algorithm of the key. [default: the first that DescribeKey would list]"))
    var algorithm: String?

    @Option(help: "Kept connections.")
    var connections = 64

    @Option(help: "Requests under way on each connection.")
    var pipeline = 1

    @Option(help: "Messages of each request of sign-batch.")
    var batchSize = 1000

    @Option(help: ArgumentHelp("Seconds that are measured.", valueName: "SECONDS"))
    var duration = 10.0

    @Option(help: ArgumentHelp("Seconds before them that are not.", valueName: "SECONDS"))
    var warmUp = 1.0

    @Option(help: ArgumentHelp("Seconds of openssl speed; 0 leaves it out.", valueName: "SECONDS"))
    var opensslSeconds = 3

    @Flag(help: "Print JSON (docs/reference/bench-output.schema.json).")
    var json = false

    func validate() throws {
        for (name, value, range) in [
            ("connections", connections, 1...1024), ("pipeline", pipeline, 1...64), ("batch-size", batchSize, 1...1000),
            ("openssl-seconds", opensslSeconds, 0...60),
        ] where !range.contains(value) {
            throw ValidationError("--\(name) is a number from \(range.lowerBound) to \(range.upperBound)")
        }
        guard (0.1...86_400).contains(duration), (0...3600).contains(warmUp) else {
            throw ValidationError("--duration is 0.1 to 86400 seconds, --warm-up 0 to 3600")
        }
    }

    func run() async throws {
        let address = try EnclaveEndpoint(broker.url)
        let tls = try broker.tls(to: address)
        let client = broker.client()
        let subject = try await BenchSubject.find(key, for: operation, algorithm: algorithm, client)
        let batchSize = operation == .signBatch ? batchSize : 1
        let bodies = try await BenchBodies.make(operation, subject, batchSize: batchSize, client)
        Progress.show("openssl speed …")
        let openssl = opensslSeconds > 0 ? OpenSSLSpeed.measure(operation, subject, seconds: opensslSeconds) : nil
        Progress.show("warming up …")
        let run = BenchRun(
            endpoint: address.endpoint,
            tls: tls,
            requests: SignedRequests(
                endpoint: address.service,
                region: broker.regionName,
                credentials: try await broker.credentials(),
                target: operation.target,
                bodies: bodies
            ),
            connections: connections,
            depth: pipeline,
            warmUp: .seconds(warmUp),
            duration: .seconds(duration),
            clock: SystemClock.now
        )
        let result = try await run.run { [duration] seconds, answers in
            Progress.show("\(seconds) of \(Int(duration)) s, \(answers) answers")
        }
        Progress.clear()
        let report = BenchReport(
            url: broker.url,
            operation: operation,
            subject: subject,
            connections: connections,
            depth: pipeline,
            batchSize: batchSize,
            result: result,
            openssl: openssl
        )
        if json { Console.json(report.json) } else { for line in report.lines { Console.line(line) } }
        if report.hasErrors { throw CommandFailure.reported }
    }
}
