// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import Encoding
import KMSProtocol
import NIOHTTP1
import Synchronization
import TestSupport
import Testing
import Transport

/// Allowances at the API, with the constants that are shipped, on a clock that stands still until a test moves it.
@Suite(.serialized) struct LimitTests {
    private static let throttled = KMSError(
        "ThrottlingException",
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    )

    private static func run(_ body: (Rig, _ advance: (Int64) -> Void) async throws -> Void) async throws {
        let boot = Held()
        let rig = try await Rig(bootTime: { boot.milliseconds.withLock { $0 } })
        do {
            try await rig.waitForState("unlocked")
            try await body(rig) { difference in boot.milliseconds.withLock { $0 += difference } }
        } catch {
            await rig.stop()
            throw error
        }
        await rig.stop()
    }

    private final class Held: Sendable {
        let milliseconds = Mutex<Int64>(1_000_000)
    }

    /// A thousand RSA signatures that nobody makes, at the cost of those that somebody would.
    private static let dear: JSON = [
        "KeyId": "alias/rsa", "SigningAlgorithm": "RSASSA_PSS_SHA_256", "DryRun": true,
        "Messages": .array([JSON](repeating: "AA==", count: 1000)),
    ]

    private static let sign: JSON = ["KeyId": "alias/ed", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512"]

    /// Asks until it is throttled; how often it was served.
    private static func exhaust(_ rig: Rig, _ signing: Rig.Signing) async throws -> Int {
        for count in 0..<100 {
            let answer = try await rig.call("KeyBroker.SignBatch", dear, signing)
            if answer.error?.name == "ThrottlingException" { return count }
            #expect(answer.error?.name == "DryRunOperationException")
        }
        return 100
    }

    @Test func `a flood by one principal ends in KMS's error, and leaves the others their signatures`() async throws {
        try await Self.run { rig, advance in
            // 200,000 units at 15 for a signature of RSA-2048.
            #expect(try await Self.exhaust(rig, Rig.Signing(principal: 1)) == 13)
            let refused = try await rig.call("KeyBroker.SignBatch", Self.dear, Rig.Signing(principal: 1))
            #expect(refused.status == 400)
            #expect(refused.error == Self.throttled)
            #expect(refused.headers.first(name: "x-amzn-ErrorType") == "ThrottlingException")
            for _ in 0..<20 { #expect(try await rig.call("TrentService.Sign", Self.sign).error == nil) }
            #expect(try await rig.count("Throttled") == 2)
            #expect(rig.lines.all.contains { $0.contains("requests throttled") })
        }
    }

    @Test func `an allowance comes back with the time that the enclave believes`() async throws {
        try await Self.run { rig, advance in
            let signing = Rig.Signing(principal: 1)
            _ = try await Self.exhaust(rig, signing)
            #expect(try await rig.call("KeyBroker.SignBatch", Self.dear, signing).error == Self.throttled)
            // The tests' own time passes; the enclave's does not.
            try await Task.sleep(for: .milliseconds(300))
            #expect(try await rig.call("KeyBroker.SignBatch", Self.dear, signing).error == Self.throttled)
            advance(150)
            #expect(
                try await rig.call("KeyBroker.SignBatch", Self.dear, signing).error?.name == "DryRunOperationException"
            )
            #expect(try await rig.call("KeyBroker.SignBatch", Self.dear, signing).error == Self.throttled)
            advance(10_000)
            #expect(try await Self.exhaust(rig, signing) == 13)
        }
    }

    @Test func `slow requests of one principal do not fill the queue for the others`() async throws {
        try await Self.run { rig, _ in
            var batch = Self.dear.object ?? JSONObject()
            batch["DryRun"] = nil
            let flood = try rig.signed(
                "KeyBroker.SignBatch",
                JSON.object(batch).serialized(),
                Rig.Signing(principal: 1)
            )
            let rsa: JSON = ["KeyId": "alias/rsa", "Message": "aGk=", "SigningAlgorithm": "RSASSA_PSS_SHA_256"]
            let answers = try await withThrowingTaskGroup(of: HTTPResponseStatus?.self) { group in
                // Three at a time are within a principal's part of the queue; here are ten.
                let connections = try (0..<10).map { _ in try RawConnection(port: rig.port) }
                for connection in connections { try connection.send(Rig.bytes(flood)) }
                for connection in connections {
                    group.addTask {
                        let text = await connection.receive(until: "\r\n\r\n", milliseconds: 60_000)
                        return text.contains("ThrottlingException") ? .tooManyRequests : .ok
                    }
                }
                var answers: [HTTPResponseStatus?] = []
                // While they wait, another principal is served.
                for _ in 0..<5 { #expect(try await rig.call("TrentService.Sign", rsa).error == nil) }
                for try await status in group { answers.append(status) }
                return answers
            }
            #expect(answers.count == 10)
            #expect(answers.contains(.tooManyRequests))
            #expect(answers.contains(.ok))
        }
    }

    @Test func `documents that anybody may have are bounded, and cost no principal anything`() async throws {
        try await Self.run { rig, advance in
            let nonce = String(repeating: "ab", count: 16)
            var served = 0
            while try await rig.get("/attestation?nonce=\(nonce)").status == .ok, served < 1000 { served += 1 }
            #expect(served == 100)
            let refused = try await rig.get("/attestation?nonce=\(nonce)")
            #expect(refused.status == .tooManyRequests)
            #expect(try rig.answer(refused).error == Self.throttled)
            let signed = try await rig.call(
                "KeyBroker.GetAttestation",
                ["Nonce": .blob([UInt8](repeating: 1, count: 16))]
            )
            #expect(signed.error == nil)
            advance(1000)
            #expect(try await rig.get("/attestation?nonce=\(nonce)").status == .ok)
        }
    }

    @Test func `a request that comes again is answered, counted and told`() async throws {
        try await Self.run { rig, _ in
            let request = try rig.signed("TrentService.Sign", Self.sign.serialized())
            let first = try rig.answer(try await rig.send(request))
            #expect(try await rig.count("Repeated") == 0)
            let second = try rig.answer(try await rig.send(request))
            #expect(second.output["Signature"] == first.output["Signature"])
            #expect(first.output["Signature"] != nil)
            #expect(try await rig.count("Repeated") == 1)
            #expect(rig.lines.all.contains { $0.contains("signed requests came again") })
        }
    }

    @Test func `GetStatus says what the limits are`() async throws {
        try await Self.run { rig, _ in
            let limits = try #require(try await rig.call("KeyBroker.GetStatus", [:]).output["Limits"]?.object)
            #expect(limits["PrincipalWorkPerSecond"]?.int64 == 100_000)
            #expect(limits["Connections"]?.int64 == 1024)
            #expect(limits["RequestBytes"]?.int64 == 262_144)
            #expect(limits["RequestSeconds"]?.int64 == 10)
        }
    }
}
