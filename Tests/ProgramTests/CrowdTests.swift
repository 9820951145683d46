// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import TestSupport
import Testing

/// A good client among many that are not.
@Suite(.serialized) struct CrowdTests {
    /// `make soak` sets `KEYBROKER_CROWD` to 5000, for half a minute.
    private static let size = ProcessInfo.processInfo.environment["KEYBROKER_CROWD"].flatMap { Int($0) } ?? 900
    private static var isSoak: Bool { size > 1000 }

    /// Signatures a second, by two connections; and how many were not made.
    private func rate(_ broker: RunningBroker, for duration: Duration) async throws -> (rate: Double, failures: Int) {
        let start = ContinuousClock.now
        let results = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for _ in 0..<2 {
                let client = try broker.client()
                group.addTask {
                    var (made, failed) = (0, 0)
                    while ContinuousClock.now - start < duration {
                        let signed = try? await client.call(
                            "TrentService.Sign",
                            [
                                "KeyId": "alias/audit-ed25519", "Message": "aGk=",
                                "SigningAlgorithm": "ED25519_SHA_512",
                            ]
                        )
                        if signed == nil { failed += 1 } else { made += 1 }
                    }
                    return (made, failed)
                }
            }
            return try await group.reduce(into: (0, 0)) { $0 = ($0.0 + $1.0, $0.1 + $1.1) }
        }
        return (Double(results.0) / ((ContinuousClock.now - start) / .seconds(1)), results.1)
    }

    @Test func `thousands of idle and slow clients do not keep a good one from its signatures`() async throws {
        IdleCrowd.makeRoom()
        let broker = try await RunningBroker()
        let port = try #require(URL(string: broker.url)?.port)
        let span = Duration.seconds(Self.isSoak ? 15 : 1.5)
        _ = try await rate(broker, for: .milliseconds(300))
        let alone = try await rate(broker, for: span)
        let crowd = IdleCrowd(Self.size, port: port)
        defer { crowd.end() }
        for _ in 0..<6000 where crowd.comings < Self.size { try await Task.sleep(for: .milliseconds(10)) }
        #expect(crowd.comings >= Self.size)
        // One connection for each client all the time, and new ones that come in between.
        let among = try await rate(broker, for: span)
        for _ in 0..<20 { _ = try await broker.client().call("KeyBroker.GetStatus", [:]) }
        #expect(alone.failures == 0 && among.failures == 0)
        let ratio = among.rate / alone.rate
        print(
            "CrowdTests: \(Self.size) idle and slow clients: \(Int(among.rate)) of \(Int(alone.rate)) signatures a second, "
                + "ratio \((ratio * 100).rounded() / 100)"
        )
        // Far below what is measured on a machine that does nothing else; tests share theirs.
        #expect(ratio > (Self.isSoak ? 0.25 : 0.05))
    }
}
