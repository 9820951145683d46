// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import Keyring
import Synchronization
import Testing

/// Principals, but for what answers with a secret: that needs TLS.
@Suite(.serialized) struct PrincipalTests {
    private static func unlocked() async throws -> Rig {
        let rig = try await Rig()
        try await rig.waitForState("unlocked")
        return rig
    }

    private static func policy(_ actions: String) -> JSON {
        .string(
            #"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["# + actions + #"],"Resource":"*"}}"#
        )
    }

    private static func key(_ rig: Rig, _ principal: Int) -> JSON {
        .string(rig.workshop.contents.principals[principal].accessKeyID)
    }

    @Test func `are listed in pages, without their secrets`() async throws {
        let rig = try await Self.unlocked()
        let all = try await rig.call("KeyBroker.ListPrincipals", [:]).output
        let keys = Set(rig.workshop.contents.principals.map(\.accessKeyID))
        let listed = all["Principals"]?.array?.compactMap(\.object) ?? []
        #expect(Set(listed.compactMap { $0["AccessKeyId"]?.string }) == keys)
        #expect(
            listed.allSatisfy { Set($0.members.map(\.name)) == ["AccessKeyId", "Arn", "CreationDate", "Policies"] }
        )
        let first = try await rig.call("KeyBroker.ListPrincipals", ["Limit": 1]).output
        #expect(first["Truncated"] == true)
        let second = try await rig.call(
            "KeyBroker.ListPrincipals",
            ["Limit": 1, "Marker": try #require(first["NextMarker"])]
        ).output
        #expect(second["Truncated"] == false)
        #expect(first["Principals"] != second["Principals"])
        let denied = try await rig.call("KeyBroker.ListPrincipals", [:], Rig.Signing(principal: 1))
        #expect(denied.error?.name == "AccessDeniedException")
        await rig.stop()
    }

    @Test func `policies that are put hold at once, and after a restart`() async throws {
        let rig = try await Self.unlocked()
        try await rig.make(
            "KeyBroker.PutPrincipalPolicy",
            ["AccessKeyId": Self.key(rig, 1), "Policies": [Self.policy(#""kms:ListKeys""#)]]
        )
        let next = try await rig.restarted()
        for rig in [rig, next] {
            let signing = Rig.Signing(principal: 1)
            #expect(try await rig.call("TrentService.ListKeys", [:], signing).error == nil)
            #expect(try await rig.call("TrentService.ListAliases", [:], signing).error?.name == "AccessDeniedException")
        }
        await next.stop()
        await rig.stop()
    }

    @Test func `one's own policies must let one put the next, unless that is waived`() async throws {
        let rig = try await Self.unlocked()
        let lockedOut: JSON = ["AccessKeyId": Self.key(rig, 0), "Policies": [Self.policy(#""kms:*""#)]]
        let refused = try await rig.change("KeyBroker.PutPrincipalPolicy", lockedOut)
        #expect(refused.error?.name == "MalformedPolicyDocumentException")
        #expect(rig.host.state.withLock { $0.storeRequests.isEmpty })
        var waived = try #require(lockedOut.object)
        waived["BypassPolicyLockoutSafetyCheck"] = true
        try await rig.make("KeyBroker.PutPrincipalPolicy", .object(waived))
        let after = try await rig.change("KeyBroker.PutPrincipalPolicy", lockedOut)
        #expect(after.error?.name == "AccessDeniedException")
        await rig.stop()
    }

    @Test func `what cannot be is refused by name and changes nothing`() async throws {
        let rig = try await Self.unlocked()
        let (own, other) = (Self.key(rig, 0), Self.key(rig, 1))
        let many = JSON.array((0...20).map { _ in Self.policy(#""kms:*""#) })
        for (operation, input, name) in [
            ("DeletePrincipal", ["AccessKeyId": own], "ValidationException"),
            ("DeletePrincipal", ["AccessKeyId": "KBAK234567234567ABCD"], "NotFoundException"),
            ("DeletePrincipal", [:], "ValidationException"),
            ("PutPrincipalPolicy", ["AccessKeyId": other], "ValidationException"),
            ("PutPrincipalPolicy", ["AccessKeyId": other, "Policies": ["{"]], "MalformedPolicyDocumentException"),
            ("PutPrincipalPolicy", ["AccessKeyId": other, "Policies": [1]], "SerializationException"),
            ("PutPrincipalPolicy", ["AccessKeyId": other, "Policies": many], "LimitExceededException"),
            ("CreatePrincipal", ["PrincipalName": "a b"], "ValidationException"),
            ("CreatePrincipal", [:], "ValidationException"),
        ] as [(String, JSON, String)] {
            let answer = try await rig.change("KeyBroker.\(operation)", input)
            #expect(answer.error?.name == name, "\(operation) \(input)")
        }
        #expect(rig.host.state.withLock { $0.storeRequests.isEmpty })
        await rig.stop()
    }
}
