// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import KMSProtocol
import KeyService
import Keyring
import NIOCore
import NIOHTTP1
import Testing
import Transport

/// A host can send any request again for five minutes. Signatures give it nothing new; changes would.
@Suite(.serialized) struct ReplayTests {
    private static func unlocked() async throws -> Rig {
        let rig = try await Rig()
        try await rig.waitForState("unlocked")
        return rig
    }

    private static func request(_ rig: Rig, _ operation: String, date: Timestamp) throws -> HTTPRequest {
        let id = JSON.string(rig.workshop.contents.keys[0].id)
        let input: JSON = operation == "CreateKey" ? ["Description": "one"] : ["KeyId": id]
        return try rig.signed("TrentService.\(operation)", input.serialized(), Rig.Signing(date: date))
    }

    private static func isRefused(_ rig: Rig, _ request: HTTPRequest) async throws -> Bool {
        let answer = try rig.answer(try await rig.send(request))
        return answer.status == 500 && answer.error?.name == "KMSInternalException"
    }

    @Test(arguments: ["DisableKey", "CreateKey"])
    func `a change that is sent again is refused and changes nothing`(operation: String) async throws {
        let rig = try await Self.unlocked()
        let request = try Self.request(rig, operation, date: rig.nextDate())
        #expect(try await rig.send(request).status == .ok)
        #expect(try await Self.isRefused(rig, request))
        #expect(try rig.stored().header.version == 2)
        await rig.stop()
    }

    @Test func `a change that is sent again after its opposite is refused`() async throws {
        let rig = try await Self.unlocked()
        let disable = try Self.request(rig, "DisableKey", date: rig.nextDate())
        #expect(try await rig.send(disable).status == .ok)
        #expect(try await rig.send(Self.request(rig, "EnableKey", date: rig.nextDate())).status == .ok)
        #expect(try await Self.isRefused(rig, disable))
        let metadata = try await rig.call("TrentService.DescribeKey", ["KeyId": "alias/ed"]).output["KeyMetadata"]
        #expect(metadata?.object?["KeyState"]?.string == "Enabled")
        await rig.stop()
    }

    @Test func `a change that was signed before this boot is refused`() async throws {
        let rig = try await Self.unlocked()
        let request = try Self.request(
            rig,
            "DisableKey",
            date: Timestamp(seconds: Workshop.now().advanced(byMilliseconds: -120_000).seconds)
        )
        #expect(try await Self.isRefused(rig, request))
        #expect(try rig.stored().header.version == 1)
        await rig.stop()
    }

    /// Its date is in the future of the next boot too.
    @Test func `a change of a client whose clock is ahead is refused after a restart`() async throws {
        let rig = try await Self.unlocked()
        let ahead = Timestamp(seconds: Workshop.now().seconds + 240)
        let disable = try Self.request(rig, "DisableKey", date: ahead)
        #expect(try await rig.send(disable).status == .ok)
        let enable = try Self.request(rig, "EnableKey", date: ahead)
        #expect(try await rig.send(enable).status == .ok)
        let next = try await rig.restarted()
        #expect(try await Self.isRefused(next, disable))
        #expect(try await Self.isRefused(next, enable))
        #expect(try next.stored().header.version == 3)
        await next.stop()
        await rig.stop()
    }

    @Test func `the same change, signed twice within a second, is made once, and again in the next second`()
        async throws
    {
        let rig = try await Self.unlocked()
        let date = rig.nextDate()
        #expect(try await rig.send(Self.request(rig, "CreateKey", date: date)).status == .ok)
        #expect(try await Self.isRefused(rig, Self.request(rig, "CreateKey", date: date)))
        #expect(try await rig.send(Self.request(rig, "CreateKey", date: rig.nextDate())).status == .ok)
        #expect(try rig.stored().contents.keys.count == 6)
        await rig.stop()
    }

    @Test func `changes of other keys within the second, or with an earlier date, are made`() async throws {
        let rig = try await Self.unlocked()
        let (early, late) = (rig.nextDate(), rig.nextDate())
        #expect(try await rig.send(Self.request(rig, "DisableKey", date: late)).status == .ok)
        #expect(try await rig.send(Self.request(rig, "EnableKey", date: late)).status == .ok)
        #expect(try await Self.isRefused(rig, Self.request(rig, "DisableKey", date: early)))
        #expect(try await rig.send(Self.request(rig, "CreateKey", date: early)).status == .ok)
        await rig.stop()
    }

    @Test func `a change that failed may be sent again`() async throws {
        let rig = try await Self.unlocked()
        let input: JSON = ["AliasName": "alias/none"]
        let date = rig.nextDate()
        for _ in 0..<2 {
            let request = try rig.signed("TrentService.DeleteAlias", input.serialized(), Rig.Signing(date: date))
            #expect(try rig.answer(try await rig.send(request)).error?.name == "NotFoundException")
        }
        await rig.stop()
    }
}

struct ChangeLedgerTests {
    private static func seconds(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1_764_000_000 + seconds) }

    private static func accepts(_ ledger: ChangeLedger, _ resource: String, _ second: Int64, _ mark: UInt64) -> Bool {
        (try? ledger.check(resource, signedAt: seconds(second), mark: mark)) != nil
    }

    @Test func `dates before the boot, and not after the last sealed change, are refused`() {
        let ledger = ChangeLedger(start: Self.seconds(10), lastChange: Self.seconds(12))
        #expect((9...14).map { Self.accepts(ledger, "a", $0, 1) } == [false, false, false, false, true, true])
        let fresh = ChangeLedger(start: Self.seconds(10).advanced(byMilliseconds: 1), lastChange: nil)
        #expect((9...11).map { Self.accepts(fresh, "a", $0, 1) } == [false, false, true])
    }

    @Test func `a resource goes forward in time, and takes each request once`() {
        var ledger = ChangeLedger(start: Self.seconds(0), lastChange: nil)
        ledger.accept("a", signedAt: Self.seconds(5), mark: 1)
        #expect(!Self.accepts(ledger, "a", 4, 2))
        #expect(!Self.accepts(ledger, "a", 5, 1))
        #expect(Self.accepts(ledger, "a", 5, 2))
        #expect(Self.accepts(ledger, "a", 6, 1))
        #expect(Self.accepts(ledger, "b", 4, 1))
        ledger.accept("a", signedAt: Self.seconds(5), mark: 2)
        #expect(!Self.accepts(ledger, "a", 5, 1))
        #expect(!Self.accepts(ledger, "a", 5, 2))
    }

    @Test func `what it forgets it refuses by date`() {
        var ledger = ChangeLedger(start: Self.seconds(0), lastChange: nil, remembered: 4)
        for number in 0..<5 { ledger.accept("\(number)", signedAt: Self.seconds(Int64(number)), mark: 7) }
        for number in 0..<5 {
            #expect(!Self.accepts(ledger, "\(number)", Int64(number), 7))
            #expect(Self.accepts(ledger, "\(number)", 5, 7))
        }
    }

    @Test func `one second of one resource holds a bounded number of changes`() {
        var ledger = ChangeLedger(start: Self.seconds(0), lastChange: nil)
        var mark: UInt64 = 0
        while Self.accepts(ledger, "a", 1, mark), mark < 10_000 {
            ledger.accept("a", signedAt: Self.seconds(1), mark: mark)
            mark += 1
        }
        #expect(mark == 256)
        #expect(Self.accepts(ledger, "a", 2, mark))
    }
}
