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
import NitroAttestation
import Synchronization
import Testing
import Transport

/// Changes: sealed, stored, and acknowledged in this order.
/// One at a time: each boot costs an RSA key.
@Suite(.serialized) struct ChangeTests {
    private static func unlocked(
        _ workshop: Workshop? = nil,
        patience: Duration = .seconds(20),
        stores: [FakeHost.Store] = []
    ) async throws -> Rig {
        let rig = try await Rig(workshop, changePatience: patience, tamper: { $1.stores = stores })
        try await rig.waitForState("unlocked")
        return rig
    }

    private static func alias(_ name: String, _ rig: Rig) -> JSON {
        ["AliasName": .string("alias/\(name)"), "TargetKeyId": .string(rig.workshop.contents.keys[0].id)]
    }

    // MARK: What a change is

    @Test func `a change is served at once, is the next version of the keyring, and is there after a restart`()
        async throws
    {
        let rig = try await Self.unlocked()
        let before = try await rig.attested()
        try await rig.make("CreateAlias", Self.alias("new", rig))
        #expect(try await rig.aliases().contains("alias/new"))

        let after = try await rig.attested()
        let stored = try rig.stored()
        #expect(stored.header.version == 2)
        #expect(stored.header.previousDigest == before.userData.keyringDigest)
        #expect(stored.header.writerBootID == after.userData.bootID)
        #expect(after.userData.keyringVersion == 2)
        #expect(after.userData.keyringDigest == stored.digest)
        // PCR17 says what this boot opened, whatever came afterwards.
        #expect(after.document.pcrs[17] == before.document.pcrs[17])
        let status = try await rig.call("KeyBroker.GetStatus", [:])
        #expect(status.output["KeyringVersion"]?.int64 == 2)
        #expect(status.output["KeyringDigest"]?.string == Hex.encode(stored.digest))

        let next = try await rig.restarted()
        #expect(try await next.aliases().contains("alias/new"))
        #expect(try await next.attested().userData.keyringVersion == 2)
        #expect(try await next.attested().document.pcrs[17] != before.document.pcrs[17])
        await next.stop()
        await rig.stop()
    }

    @Test func `every change that KMS has is made, and is as it was after a restart`() async throws {
        let rig = try await Self.unlocked()
        let created = try await rig.make(
            "CreateKey",
            [
                "KeySpec": "ECC_NIST_P384", "KeyUsage": "SIGN_VERIFY", "Description": "first",
                "Tags": [["TagKey": "team", "TagValue": "audit"]],
            ]
        )
        let id = JSON.string(try #require(created["KeyMetadata"]?.object?["KeyId"]?.string))
        let other = try #require(
            try await rig.make("CreateKey", ["KeySpec": "HMAC_384", "KeyUsage": "GENERATE_VERIFY_MAC"])["KeyMetadata"]?
                .object?["KeyId"]
        )
        let policy = KeyService.defaultKeyPolicy(account: Workshop.account)
        for (operation, input) in [
            ("CreateAlias", ["AliasName": "alias/a", "TargetKeyId": id]),
            ("CreateAlias", ["AliasName": "alias/b", "TargetKeyId": id]),
            ("DeleteAlias", ["AliasName": "alias/b"]),
            ("UpdateAlias", ["AliasName": "alias/p256", "TargetKeyId": id]),
            ("DisableKey", ["KeyId": id]), ("EnableKey", ["KeyId": id]),
            ("UpdateKeyDescription", ["KeyId": id, "Description": "second"]),
            ("PutKeyPolicy", ["KeyId": id, "Policy": .string(policy + " ")]),
            ("TagResource", ["KeyId": id, "Tags": [["TagKey": "cost", "TagValue": "1"]]]),
            ("UntagResource", ["KeyId": id, "TagKeys": ["team"]]),
            ("ScheduleKeyDeletion", ["KeyId": other, "PendingWindowInDays": 7]),
            ("CancelKeyDeletion", ["KeyId": other]),
            ("ScheduleKeyDeletion", ["KeyId": other]),
        ] as [(String, JSON)] {
            try await rig.make(operation, input)
        }
        #expect(try rig.stored().header.version == 16)
        let next = try await rig.restarted()
        for rig in [rig, next] {
            let metadata = try await rig.call("TrentService.DescribeKey", ["KeyId": id]).output["KeyMetadata"]?.object
            #expect(metadata?["Description"]?.string == "second")
            #expect(metadata?["KeyState"]?.string == "Enabled")
            let deleted = try await rig.call("TrentService.DescribeKey", ["KeyId": other]).output["KeyMetadata"]?.object
            #expect(deleted?["KeyState"]?.string == "PendingDeletion")
            #expect(
                try await rig.call("TrentService.GetKeyPolicy", ["KeyId": id]).output["Policy"]?.string == policy + " "
            )
            let tags = try await rig.call("TrentService.ListResourceTags", ["KeyId": id]).output["Tags"]
            #expect(tags == [["TagKey": "cost", "TagValue": "1"]])
            let aliases = try await rig.aliases()
            #expect(aliases.contains("alias/a") && !aliases.contains("alias/b"))
            let signature = try await rig.call(
                "TrentService.Sign",
                ["KeyId": "alias/p256", "Message": "aGk=", "SigningAlgorithm": "ECDSA_SHA_384"]
            )
            #expect(signature.output["KeyId"] == metadata?["Arn"])
        }
        await next.stop()
        await rig.stop()
    }

    @Test func `a key that is made inside a keyring born offline is never attested as made inside`() async throws {
        let rig = try await Self.unlocked()
        let created = try await rig.make("CreateKey", ["KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"])
        let id = try #require(created["KeyMetadata"]?.object?["KeyId"]?.string)
        #expect(try rig.stored().contents.keys.last?.origin == .inside)
        #expect(try await rig.attested(key: id).userData.signingKeyOrigin?.origin == .madeOffline)
        await rig.stop()
    }

    // MARK: Hosts that fail

    @Test(
        arguments: [
            [.fails], [.storesAndFails], [.fails, .fails, .storesAndFails, .fails, .storesAndFails],
            [.storesAndFails, .storesAndFails],
        ] as [[FakeHost.Store]]
    )
    func `a host that fails gets the same bytes again until it says that they are stored`(stores: [FakeHost.Store])
        async throws
    {
        let rig = try await Self.unlocked(stores: stores)
        try await rig.make("CreateAlias", Self.alias("one", rig))
        let requests = rig.host.state.withLock { $0.storeRequests }
        #expect(requests.count == stores.count + 1)
        #expect(requests.allSatisfy { $0 == requests[0] } && requests[0].version == 2)
        try await rig.make("CreateAlias", Self.alias("two", rig))
        #expect(try rig.stored().header.version == 3)
        #expect(try await rig.aliases().isSuperset(of: ["alias/one", "alias/two"]))
        await rig.stop()
    }

    @Test func `a host that refuses the next version has a failed enclave, and no change was acknowledged`()
        async throws
    {
        let rig = try await Self.unlocked(stores: [.conflicts])
        let answer = try await rig.change("CreateAlias", Self.alias("new", rig))
        #expect(answer.error?.name == "KeyUnavailableException" && answer.status == 500)
        #expect(BootTests.failure(rig)?.code == .keyringConflict)
        try await rig.expectNoSignature()
        let next = try await rig.restarted()
        #expect(try await !next.aliases().contains("alias/new"))
        await next.stop()
        await rig.stop()
    }

    @Test func `two enclaves on one keyring: the second to write fails instead of losing the first one's change`()
        async throws
    {
        let first = try await Self.unlocked()
        let second = try await first.restarted()
        try await first.make("CreateAlias", Self.alias("first", first))
        // One store for both.
        let (keyring, version) = first.host.state.withLock { ($0.keyring, $0.version) }
        second.host.state.withLock { ($0.keyring, $0.version) = (keyring, version) }
        let answer = try await second.change("CreateAlias", Self.alias("second", second))
        #expect(answer.error?.name == "KeyUnavailableException")
        #expect(BootTests.failure(second)?.code == .keyringConflict)
        await second.stop()
        await first.stop()
    }

    @Test(arguments: [FakeHost.Store.waits, .storesAndWaits])
    func `while a host is silent its clients hear so, nothing else changes, and signatures go on`(store: FakeHost.Store)
        async throws
    {
        let rig = try await Self.unlocked(patience: .milliseconds(300), stores: [store])
        let (one, two) = (rig.connection(), rig.connection())
        async let pending = rig.change("CreateAlias", Self.alias("pending", rig), on: one)
        try await rig.wait("the store") { $0.host.state.withLock { $0.storing } == 1 }
        async let behind = rig.change("CreateAlias", Self.alias("behind", rig), on: two)
        let signed = try await rig.call(
            "TrentService.Sign",
            ["KeyId": "alias/ed", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512"]
        )
        #expect(signed.output["Signature"] != nil)
        let (first, second) = try await (pending, behind)
        #expect(first.error?.name == "DependencyTimeoutException" && first.status == 500)
        #expect(first.error?.message?.contains("may or may not have been made") == true)
        #expect(second.error?.name == "DependencyTimeoutException" && second.status == 500)
        #expect(second.error?.message?.hasPrefix("Nothing was changed") == true)
        // At once, while it lasts.
        let third = try await rig.change("CreateAlias", Self.alias("third", rig))
        #expect(third.error == second.error)
        #expect(try await rig.attested().userData.keyringVersion == 1)
        #expect(try await !rig.aliases().contains("alias/pending"))

        rig.host.release()
        try await rig.wait("the change") { rig in rig.lines.all.contains { $0.contains("keyring changed") } }
        #expect(try await rig.aliases().contains("alias/pending"))
        try await rig.make("CreateAlias", Self.alias("after", rig))
        #expect(try rig.stored().header.version == 3)
        #expect(try await rig.aliases().isDisjoint(with: ["alias/behind", "alias/third"]))
        for connection in [one, two] { await connection.close() }
        await rig.stop()
    }

    /// Not preventable: the enclave has no memory of its own. Whoever keeps the attested versions sees it.
    @Test func `a host that lies about having stored a version is found out after a restart`() async throws {
        let rig = try await Self.unlocked(stores: [.lies])
        try await rig.make("CreateAlias", Self.alias("lost", rig))
        let before = try await rig.attested().userData
        #expect(before.keyringVersion == 2)
        let next = try await rig.restarted()
        #expect(try await !next.aliases().contains("alias/lost"))
        #expect(try await next.attested().userData.keyringVersion == 1)
        // The next change makes another version of the number that clients have seen: a fork, told by its digest.
        try await next.make("CreateAlias", Self.alias("other", next))
        let fork = try await next.attested().userData
        #expect(fork.keyringVersion == 2)
        #expect(fork.keyringDigest != before.keyringDigest)
        await next.stop()
        await rig.stop()
    }

    // MARK: Many clients

    @Test func `changes of many clients are made one after the other, and none is lost`() async throws {
        let rig = try await Self.unlocked(stores: [.fails, .honest, .storesAndFails, .honest, .fails])
        let (clients, changes) = (8, 5)
        let made = try await withThrowingTaskGroup(of: [String].self) { group in
            for client in 0..<clients {
                group.addTask {
                    let connection = rig.connection()
                    var made: [String] = []
                    for change in 0..<changes {
                        let answer = try await rig.change(
                            "CreateAlias",
                            Self.alias("c\(client)-\(change)", rig),
                            on: connection
                        )
                        if answer.error == nil { made.append("alias/c\(client)-\(change)") }
                    }
                    await connection.close()
                    return made
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(made.count == clients * changes)
        let (requests, most) = rig.host.state.withLock { ($0.storeRequests, $0.mostStoring) }
        #expect(most == 1)
        var versions: [UInt64] = []
        for request in requests where versions.last != request.version { versions.append(request.version) }
        #expect(versions == Array(2...UInt64(1 + clients * changes)))
        let next = try await rig.restarted()
        #expect(try await next.aliases().isSuperset(of: made))
        await next.stop()
        await rig.stop()
    }

    @Test func `changes that wait are bounded, and more are throttled`() async throws {
        let rig = try await Self.unlocked(stores: [.waits])
        let answers = try await withThrowingTaskGroup(of: String?.self) { group in
            for number in 0..<80 {
                group.addTask {
                    let connection = rig.connection()
                    let answer = try await rig.change(
                        "TagResource",
                        [
                            "KeyId": .string(rig.workshop.contents.keys[0].id),
                            "Tags": [["TagKey": .string("\(number)"), "TagValue": ""]],
                        ],
                        on: connection
                    )
                    await connection.close()
                    if answer.error?.name == "ThrottlingException" { rig.host.release() }
                    return answer.error?.name
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let throttled = answers.count { $0 == "ThrottlingException" }
        #expect(throttled > 0 && throttled <= 80 - 64)
        // Dates of one resource that overtake each other are told apart by the retry.
        #expect(
            answers.allSatisfy { [nil, "ThrottlingException", "TagException", "KMSInternalException"].contains($0) }
        )
        await rig.stop()
    }

    @Test func `a change is authorised on the version that it changes, not on the one when it arrived`() async throws {
        let rig = try await Self.unlocked(stores: [.waits])
        let (one, two) = (rig.connection(), rig.connection())
        let signer = rig.workshop.contents.principals[1]
        async let deletion = rig.change(
            "KeyBroker.DeletePrincipal",
            ["AccessKeyId": .string(signer.accessKeyID)],
            on: one
        )
        try await rig.wait("the store") { $0.host.state.withLock { $0.storing } == 1 }
        async let late = rig.change("CreateAlias", Self.alias("late", rig), principal: 1, on: two)
        // Still known while the deletion is not stored.
        let list = try await rig.call("TrentService.ListAliases", [:], Rig.Signing(principal: 1))
        #expect(list.error == nil)
        rig.host.release()
        #expect(try await deletion.error == nil)
        #expect(try await late.error?.name == "UnrecognizedClientException")
        let after = try await rig.call("TrentService.ListAliases", [:], Rig.Signing(principal: 1))
        #expect(after.error?.name == "UnrecognizedClientException")
        #expect(
            try rig.stored().contents.principals.map(\.accessKeyID) == [rig.workshop.contents.principals[0].accessKeyID]
        )
        for connection in [one, two] { await connection.close() }
        await rig.stop()
    }

    // MARK: Refusals that change nothing

    @Test func `what is refused makes no version`() async throws {
        let rig = try await Self.unlocked()
        let id = JSON.string(rig.workshop.contents.keys[0].id)
        for (operation, input, name) in [
            ("CreateAlias", ["AliasName": "alias/ed", "TargetKeyId": id], "AlreadyExistsException"),
            ("DeleteAlias", ["AliasName": "alias/none"], "NotFoundException"),
            ("PutKeyPolicy", ["KeyId": id, "Policy": "{}"], "MalformedPolicyDocumentException"),
            (
                "PutKeyPolicy",
                [
                    "KeyId": id,
                    "Policy": .string(
                        #"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"kms:Sign","#
                            + #""Resource":"*"}}"#
                    ),
                ], "MalformedPolicyDocumentException"
            ),
            ("CreateKey", ["KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"], "ValidationException"),
            ("TagResource", ["KeyId": id, "Tags": [["TagKey": "aws:a", "TagValue": ""]]], "TagException"),
            ("CancelKeyDeletion", ["KeyId": id], "KMSInvalidStateException"),
            ("KeyBroker.CreatePrincipal", ["PrincipalName": "new"], "UnsupportedOperationException"),
        ] as [(String, JSON, String)] {
            let answer = try await rig.change(operation, input)
            #expect(answer.error?.name == name)
        }
        let denied = try await rig.change(
            "KeyBroker.DeletePrincipal",
            ["AccessKeyId": "KBAK234567234567"],
            principal: 1
        )
        #expect(denied.error?.name == "AccessDeniedException")
        #expect(rig.host.state.withLock { $0.storeRequests.isEmpty })
        await rig.stop()
    }

    @Test func `what a keyring cannot hold is refused with the limit`() async throws {
        var workshop = try Workshop()
        let template = workshop.contents.keys[3]
        for number in workshop.contents.keys.count..<512 {
            var key = template
            key.id = "00000000-0000-4000-8000-" + String(String(number + 100_000_000_000).suffix(12))
            key.arn = "arn:aws:kms:\(Workshop.region):\(Workshop.account):key/\(key.id)"
            key.aliases = []
            workshop.contents.keys.append(key)
        }
        let rig = try await Self.unlocked(workshop)
        let answer = try await rig.change("CreateKey", ["KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"])
        #expect(
            answer.error
                == KMSError("LimitExceededException", "With this change the keyring would hold more than 512 keys.")
        )
        #expect(rig.host.state.withLock { $0.storeRequests.isEmpty })
        try await rig.make("CreateAlias", Self.alias("room", rig))
        await rig.stop()
    }

    @Test func `a key whose date has come does nothing, is not saved, and goes with the next change`() async throws {
        var workshop = try Workshop()
        workshop.contents.keys[1].state = .pendingDeletion
        workshop.contents.keys[1].deletionDate = Workshop.now().advanced(byMilliseconds: -1000)
        let due = JSON.string(workshop.contents.keys[1].id)
        let rig = try await Self.unlocked(workshop)
        let sign: JSON = ["KeyId": due, "Message": "aGk=", "SigningAlgorithm": "ECDSA_SHA_256"]
        #expect(try await rig.call("TrentService.Sign", sign).error?.name == "KMSInvalidStateException")
        #expect(try await rig.change("CancelKeyDeletion", ["KeyId": due]).error?.name == "NotFoundException")
        #expect(try rig.stored().contents.keys.count == 4)
        try await rig.make("CreateAlias", Self.alias("new", rig))
        #expect(try rig.stored().contents.keys.count == 3)
        #expect(try await rig.call("TrentService.Sign", sign).error?.name == "NotFoundException")
        #expect(try await !rig.aliases().contains("alias/p256"))
        await rig.stop()
    }

    @Test func `GenerateRandom and CreatePrincipal are refused without TLS, with what to do`() async throws {
        let rig = try await Self.unlocked()
        let random = try await rig.call("TrentService.GenerateRandom", ["NumberOfBytes": 8])
        let principal = try await rig.change("KeyBroker.CreatePrincipal", ["PrincipalName": "new"])
        for error in [random.error, principal.error] {
            #expect(error?.name == "UnsupportedOperationException")
            #expect(error?.message?.contains("set ingress.tls") == true)
        }
        #expect(rig.host.state.withLock { $0.storeRequests.isEmpty })
        await rig.stop()
    }
}
