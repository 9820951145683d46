// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// What a host that forges answers over plain HTTP gets signed: nothing.
struct ForgedAnswerTests {
    private static let event = #"{"event_type": "t", "payload": {"n": 1}}"# + "\n"

    @Test(arguments: ["HMAC_256", "ECC_NIST_EDWARDS25519", "ECC_NIST_P256", "RSA_2048"], [1, 3])
    func `nothing is written under a signature or a MAC that is not the key's`(spec: String, events: Int) async throws {
        let kms = try await RunningKMS()
        let input = Array(String(repeating: Self.event, count: events).utf8)
        func run(_ arguments: [String], _ environment: [String: String]) async throws -> Tool.Result {
            try await Programs.run(["keybroker"] + arguments, environment: environment, input: input)
        }
        let created = try await run(["key", "create", "--spec", spec, "--alias", "a"], kms.environment)
        #expect(created.status == 0, "\(created.errors)")
        let host = try await ForgingHost(before: kms)
        let sign =
            ["audit", "sign", "--profile", "jcs", "--key", "alias/a"]
            + (spec == "HMAC_256" ? ["--algorithm", "hmac-sha256"] : [])
        let forged = try await run(sign, kms.environment.merging(["AWS_ENDPOINT_URL_KMS": host.url]) { $1 })
        #expect(forged.status == 1 && forged.output.isEmpty)
        #expect(forged.errors.contains("kms signing failed: the answer is no "), "\(forged.errors)")
        let right = try await run(sign, kms.environment)
        #expect(right.status == 0 && right.text.split(separator: "\n").count == events, "\(right.errors)")
    }
}

/// `forging_host.py`, running.
private final class ForgingHost {
    let url: String
    private let process: Process

    init(before kms: RunningKMS) async throws {
        let log = kms.folder.file("forging.log")
        let process = try Programs.start(
            ["python3", ClientTests.clients.appendingPathComponent("forging_host.py").path],
            environment: ["UPSTREAM": kms.url],
            log: log
        )
        self.process = process
        while process.isRunning {
            if let port = kms.folder.read("forging.log").firstMatch(of: /^([0-9]+)\n/)?.1 {
                url = "http://127.0.0.1:\(port)"
                return
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Unexpected(kms.folder.read("forging.log"))
    }

    deinit {
        // It inherits the signals that this thread blocks, SIGTERM among them.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
