// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import Encoding
import KMSProtocol
import Synchronization
import TestSupport
import Testing

/// Whose clock decides on requests: the module's, carried on by the boot clock; never the system's.
@Suite(.serialized) struct TimeTests {
    private final class Hands: Sendable {
        let module = Mutex(Workshop.now())
        let boot = Mutex<Int64>(5_000)
    }

    private static let hour: Int64 = 3600

    private struct Missing: Error {}

    private static func run(
        _ hands: Hands,
        clockInterval: Duration = .seconds(60),
        _ body: (Rig) async throws -> Void
    ) async throws {
        let rig = try await Rig(
            moduleClock: { hands.module.withLock { $0 } },
            bootTime: { hands.boot.withLock { $0 } },
            clockInterval: clockInterval
        )
        do {
            try await rig.waitForState("unlocked")
            try await body(rig)
        } catch {
            await rig.stop()
            throw error
        }
        await rig.stop()
    }

    private static func accepts(_ rig: Rig, skew: Int64) async throws -> Bool {
        let answer = try await rig.call("TrentService.ListAliases", [:], Rig.Signing(skew: skew))
        if let error = answer.error { #expect(error.name == "InvalidSignatureException") }
        return answer.error == nil
    }

    @Test(arguments: [-10_000 * hour, -3 * hour, 3 * hour, 40_000 * hour])
    func `a system clock that is hours or years away from the module's changes nothing`(hours: Int64) async throws {
        let hands = Hands()
        hands.module.withLock { $0 = $0.advanced(byMilliseconds: hours * 1000) }
        try await Self.run(hands) { (rig: Rig) async throws in
            // The system clock of this process is what Workshop.now() reads.
            #expect(try await Self.accepts(rig, skew: hours))
            #expect(try await !Self.accepts(rig, skew: 0))
            let status = try await rig.call("KeyBroker.GetStatus", [:], Rig.Signing(skew: hours))
            guard case .number(let time) = status.output["Time"] else { throw Missing() }
            let seconds = try #require(Double(time.text))
            #expect(abs(seconds - Double(Workshop.now().seconds + hours)) < 60)
        }
    }

    @Test func `time that the machine was suspended counts`() async throws {
        let hands = Hands()
        try await Self.run(hands) { (rig: Rig) async throws in
            #expect(try await Self.accepts(rig, skew: 0))
            hands.boot.withLock { $0 += 2 * Self.hour * 1000 }
            #expect(try await Self.accepts(rig, skew: 2 * Self.hour))
            #expect(try await !Self.accepts(rig, skew: 0))
        }
    }

    @Test func `the module's time is taken again and again`() async throws {
        let hands = Hands()
        try await Self.run(hands, clockInterval: .milliseconds(20)) { (rig: Rig) async throws in
            #expect(try await Self.accepts(rig, skew: 0))
            hands.module.withLock { $0 = $0.advanced(byMilliseconds: Self.hour * 1000) }
            var isAccepted = false
            for _ in 0..<1000 where !isAccepted {
                isAccepted = try await Self.accepts(rig, skew: Self.hour)
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(isAccepted)
            #expect(try await !Self.accepts(rig, skew: 0))
        }
    }
}
