// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import Keyring
import NIOHTTP1
import Synchronization
import TestSupport
import Testing
import Transport

/// What the enclave tells its host of what it did.
struct EnclaveReportTests {
    private static let sign: JSON = ["KeyId": "alias/ed", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512"]

    /// The newest report, once `holds`.
    private func report(_ rig: Rig, until holds: (JSONObject) -> Bool) async throws -> JSONObject {
        var newest = JSONObject()
        try await rig.wait("a report") { rig in
            guard let bytes = rig.host.state.withLock({ $0.reports.last }),
                let report = (try? JSON.parse(bytes))?.object
            else { return false }
            newest = report
            return holds(report)
        }
        return newest
    }

    private func counts(_ report: JSONObject) -> [String: JSONObject] {
        let listed: [JSON] = report["requests"]?.array ?? []
        let requests: [JSONObject] = listed.compactMap(\.object)
        return Dictionary(
            uniqueKeysWithValues: requests.map {
                ($0["operation"]?.string ?? "", $0["outcomes"]?.object ?? JSONObject())
            }
        )
    }

    @Test func `requests are counted by operation and outcome, and a stranger's apart`() async throws {
        let rig = try await Rig(reportInterval: .milliseconds(100))
        do {
            try await rig.waitForState("unlocked")
            for number in 0..<3 {
                let unlike = Rig.Signing(headers: [(name: "X-Amz-Meta-Number", value: "\(number)")])
                _ = try await rig.call("TrentService.Sign", Self.sign, unlike)
            }
            _ = try await rig.call(
                "TrentService.Sign",
                ["KeyId": "alias/rsa", "Message": "aGk=", "SigningAlgorithm": "RSASSA_PSS_SHA_256"]
            )
            _ = try await rig.call("TrentService.Sign", ["KeyId": "alias/none", "Message": "aGk="])
            _ = try await rig.call("KeyBroker.GetStatus", [:], Rig.Signing(principal: 1))
            _ = try await rig.call("TrentService.Sign", Self.sign, Rig.Signing(secret: Array("wrong".utf8)))
            _ = try await rig.call("TrentService.NoSuchOperation", [:])
            let described = try await rig.call("TrentService.DescribeKey", ["KeyId": "alias/ed"])
            let keyID = try #require(described.output["KeyMetadata"]?.object?["KeyId"])
            try await rig.make("UpdateKeyDescription", ["KeyId": keyID, "Description": "x"])
            let report = try await report(rig) { counts($0)["UpdateKeyDescription"] != nil }
            #expect(try JSONSchema("enclave-report").faults(in: .object(report)) == [])
            let counted = counts(report)
            #expect(counted["Sign"]?["ok"] == 4)
            #expect(counted["Sign"]?["ValidationException"] == 1 || counted["Sign"]?["NotFoundException"] == 1)
            #expect(counted["GetStatus"]?["AccessDeniedException"] == 1)
            #expect(counted["unauthenticated"]?["InvalidSignatureException"] == 1)
            #expect(counted["other"]?["UnknownOperationException"] == 1)
            #expect(counted["UpdateKeyDescription"]?["ok"] == 1)
            #expect(report["signatures"] == 4 && report["state"] == "unlocked" && report["keyringVersion"] == 2)
            let requests: [JSON] = report["requests"]?.array ?? []
            for request in requests.compactMap(\.object) {
                let outcomes: [Int64] = (request["outcomes"]?.object?.members ?? []).map { $0.value.int64 ?? 0 }
                let buckets: [JSON] = request["buckets"]?.array ?? []
                #expect(outcomes.reduce(0, +) == buckets.reduce(0) { $0 + ($1.int64 ?? 0) })
            }
        } catch {
            await rig.stop()
            throw error
        }
        await rig.stop()
    }

    @Test func `nothing of a principal, a key or a message is in a report`() async throws {
        let rig = try await Rig(reportInterval: .milliseconds(100))
        do {
            try await rig.waitForState("unlocked")
            _ = try await rig.call("TrentService.Sign", Self.sign)
            let report = try await report(rig) { counts($0)["Sign"] != nil }
            let text = String(decoding: JSON.object(report).serialized(), as: UTF8.self)
            let status = try await rig.call("KeyBroker.GetStatus", [:])
            let keys = try await rig.call("TrentService.ListKeys", [:])
            let listed: [JSON] = keys.output["Keys"]?.array ?? []
            let keyIDs: [String] = listed.compactMap { $0.object?["KeyId"]?.string }
            #expect(!keyIDs.isEmpty && status.status == 200)
            let principals: [String] = rig.workshop.contents.principals.flatMap { [$0.accessKeyID, $0.arn] }
            for word in keyIDs + principals + ["alias", "arn:", "aGk=", "signer", "administrator"] {
                #expect(!text.contains(word), "\(word)")
            }
        } catch {
            await rig.stop()
            throw error
        }
        await rig.stop()
    }

    @Test func `a host that takes no report changes nothing`() async throws {
        let rig = try await Rig(reportInterval: .milliseconds(20))
        do {
            try await rig.waitForState("unlocked")
            await rig.host.stop()
            // Many reports later.
            try await Task.sleep(for: .milliseconds(200))
            let answer = try await rig.call("TrentService.Sign", Self.sign)
            #expect(answer.status == 200)
        } catch {
            await rig.stop()
            throw error
        }
        await rig.stop()
    }
}
