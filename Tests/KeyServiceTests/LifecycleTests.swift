// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Testing

/// States of keys: what changes them, and what they allow (AWS KMS Developer Guide, "Key states of AWS KMS keys").
struct LifecycleTests {
    static let arn = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-000000000001"
    static let id: JSON = "0a1b2c3d-4e5f-4a6b-8c7d-000000000001"

    private static func bench(_ state: KeyState = .enabled, _ spec: KeySpec = .symmetricDefault) throws -> Bench {
        try Bench([.make(spec, state: state, aliases: ["alias/k"])])
    }

    private static func state(_ bench: Bench) throws -> JSON? {
        try bench.answer("DescribeKey", ["KeyId": id])["KeyMetadata"]?.object?["KeyState"]
    }

    @Test func `a key is disabled and enabled again`() throws {
        var bench = try Self.bench()
        #expect(try bench.change("DisableKey", ["KeyId": Self.id]) == nil)
        #expect(try Self.state(bench) == "Disabled")
        #expect(try bench.change("EnableKey", ["KeyId": .string(Self.arn)]) == nil)
        #expect(try Self.state(bench) == "Enabled")
    }

    @Test func `a key is deleted when its waiting period is over and not before`() throws {
        var bench = try Self.bench()
        let output = try #require(try bench.change("ScheduleKeyDeletion", ["KeyId": Self.id]))
        let due = Bench.now.advanced(byMilliseconds: 30 * 86_400_000)
        #expect(output["KeyId"]?.string == Self.arn && output["KeyState"] == "PendingDeletion")
        #expect(output["PendingWindowInDays"] == 30 && output["DeletionDate"] == .epochSeconds(due))
        let metadata = try bench.answer("DescribeKey", ["KeyId": Self.id])["KeyMetadata"]?.object
        #expect(metadata?["DeletionDate"] == .epochSeconds(due) && metadata?["Enabled"] == false)
        #expect(bench.keys.withoutKeysDue(at: due.advanced(byMilliseconds: -1)) == nil)
        let remaining = try #require(bench.keys.withoutKeysDue(at: due))
        #expect(remaining.keys.isEmpty)
        #expect(throws: KMSError.self) { try remaining.resolve("alias/k") }
    }

    @Test func `what remains after a deletion is found by id and alias`() throws {
        var bench = try Bench([
            .make(.symmetricDefault, number: 1, aliases: ["alias/a"]), .make(.symmetricDefault, number: 2),
            .make(.hmac256, number: 3, aliases: ["alias/c"]),
        ])
        try bench.change("ScheduleKeyDeletion", ["KeyId": Self.id, "PendingWindowInDays": 7])
        let table = try #require(bench.keys.withoutKeysDue(at: Bench.now.advanced(byMilliseconds: 7 * 86_400_000)))
        #expect(table.keys.count == 2)
        #expect(try table.resolve("alias/c").key.spec == .hmac256)
        #expect(try table.resolve("0a1b2c3d-4e5f-4a6b-8c7d-000000000002").key.spec == .symmetricDefault)
    }

    @Test func `a deletion that is cancelled leaves the key disabled`() throws {
        var bench = try Self.bench()
        try bench.change("ScheduleKeyDeletion", ["KeyId": Self.id, "PendingWindowInDays": 7])
        #expect(try bench.change("CancelKeyDeletion", ["KeyId": Self.id]) == JSONObject([("KeyId", .string(Self.arn))]))
        let metadata = try bench.answer("DescribeKey", ["KeyId": Self.id])["KeyMetadata"]?.object
        #expect(metadata?["KeyState"] == "Disabled" && metadata?["DeletionDate"] == nil)
    }

    @Test(arguments: [KeyState.enabled, .disabled])
    func `only a deletion that is pending is cancelled`(state: KeyState) throws {
        #expect(
            try Self.bench(state).error("CancelKeyDeletion", ["KeyId": Self.id])
                == KMSError("KMSInvalidStateException", "\(Self.arn) is not pending deletion.")
        )
    }

    @Test(
        arguments: [
            ("EnableKey", [:]), ("DisableKey", [:]), ("ScheduleKeyDeletion", [:]),
            ("UpdateKeyDescription", ["Description": "x"]),
            ("CreateAlias", ["AliasName": "alias/new", "TargetKeyId": id]),
            ("Encrypt", ["Plaintext": "AAAA"]), ("GenerateDataKeyWithoutPlaintext", ["KeySpec": "AES_256"]),
        ] as [(String, JSON)]
    )
    func `what a key that is pending deletion refuses`(operation: String, input: JSON) throws {
        var object = input.object ?? JSONObject()
        object["KeyId"] = Self.id
        #expect(
            try Self.bench(.pendingDeletion).error(operation, .object(object))
                == KMSError("KMSInvalidStateException", "\(Self.arn) is pending deletion.")
        )
    }

    @Test func `what a key that is pending deletion allows`() throws {
        var bench = try Self.bench(.pendingDeletion)
        let policy = try #require(try bench.answer("GetKeyPolicy", ["KeyId": Self.id])["Policy"])
        try bench.change("PutKeyPolicy", ["KeyId": Self.id, "Policy": policy])
        #expect(try bench.answer("ListKeyPolicies", ["KeyId": Self.id])["PolicyNames"] == ["default"])
        try bench.change("DeleteAlias", ["AliasName": "alias/k"])
        #expect(try bench.answer("ListAliases", [:])["Aliases"] == [])
    }

    @Test func `a description is changed, also to nothing`() throws {
        var bench = try Self.bench(.disabled)
        for text in ["new", ""] {
            #expect(try bench.change("UpdateKeyDescription", ["KeyId": Self.id, "Description": .string(text)]) == nil)
            let metadata = try bench.answer("DescribeKey", ["KeyId": Self.id])["KeyMetadata"]?.object
            #expect(metadata?["Description"]?.string == text)
        }
    }

    static let refusals: [(operation: String, input: JSON, error: KMSError)] = [
        (
            "ScheduleKeyDeletion", ["KeyId": id, "PendingWindowInDays": 6],
            .validation(
                "1 validation error detected: Value '6' at 'pendingWindowInDays' failed to satisfy constraint: "
                    + "Member must have value greater than or equal to 7"
            )
        ),
        (
            "ScheduleKeyDeletion", ["KeyId": id, "PendingWindowInDays": 31],
            .validation(
                "1 validation error detected: Value '31' at 'pendingWindowInDays' failed to satisfy constraint: "
                    + "Member must have value less than or equal to 30"
            )
        ),
        (
            "UpdateKeyDescription", ["KeyId": id],
            .validation(
                "1 validation error detected: Value null at 'description' failed to satisfy constraint: "
                    + "Member must not be null"
            )
        ),
        ("DisableKey", ["KeyId": "alias/k"], KMSError("NotFoundException", "Invalid keyId 'alias/k'")),
        ("EnableKey", ["KeyId": "alias/k"], KMSError("NotFoundException", "Invalid keyId 'alias/k'")),
        ("ListKeyPolicies", ["KeyId": "alias/k"], KMSError("NotFoundException", "Invalid keyId 'alias/k'")),
        (
            "ListKeyPolicies", ["KeyId": id, "Marker": "x"],
            KMSError("InvalidMarkerException", "Could not deserialize marker 'x'")
        ),
        (
            "ScheduleKeyDeletion", ["KeyId": "0a1b2c3d-4e5f-4a6b-8c7d-000000000009"],
            KMSError(
                "NotFoundException",
                "Key 'arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-000000000009' does not exist"
            )
        ),
    ]

    @Test(arguments: refusals)
    func `a refusal has KMS's name and words`(operation: String, input: JSON, error: KMSError) throws {
        #expect(try Self.bench().error(operation, input) == error)
    }

    @Test(arguments: ["EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion"])
    func `each change needs its own permission`(operation: String) throws {
        var bench = try Self.bench()
        bench.caller = try Bench.user()
        #expect(
            bench.error(operation, ["KeyId": Self.id])
                == .accessDenied(
                    "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: kms:\(operation) "
                        + "on resource: \(Self.arn) because no identity-based policy allows the kms:\(operation) action"
                )
        )
    }

    @Test func `a policy can demand a long waiting period`() throws {
        let statement: JSON = [
            "Effect": "Deny", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
            "Condition": ["NumericLessThan": ["kms:ScheduleKeyDeletionPendingWindowInDays": "14"]],
        ]
        var bench = try Self.bench()
        bench.caller = try Bench.user(policies: [
            [
                "Version": "2012-10-17",
                "Statement": [["Effect": "Allow", "Action": "kms:*", "Resource": "*"], statement],
            ]
        ])
        func schedule(_ days: JSON) -> JSON { ["KeyId": Self.id, "PendingWindowInDays": days] }
        #expect(bench.error("ScheduleKeyDeletion", schedule(13))?.name == "AccessDeniedException")
        #expect(bench.error("ScheduleKeyDeletion", schedule(14)) == nil)
    }
}

struct AliasChangeTests {
    private static func id(_ number: Int) -> JSON { .string("0a1b2c3d-4e5f-4a6b-8c7d-00000000000\(number)") }

    private static func bench() throws -> Bench {
        try Bench([
            .make(.eccNISTP256, usage: .signVerify, number: 1, aliases: ["alias/a", "alias/b"]),
            .make(.rsa2048, usage: .signVerify, number: 2),
            .make(.eccNISTP256, usage: .signVerify, state: .pendingDeletion, number: 3, aliases: ["alias/dying"]),
            .make(.rsa2048, usage: .encryptDecrypt, number: 4), .make(.hmac256, number: 5),
        ])
    }

    @Test func `an alias moves to another key of its kind, and keeps the time of its creation`() throws {
        var bench = try Self.bench()
        bench.circumstances.now = Bench.now.advanced(byMilliseconds: 5000)
        let output = try bench.change("UpdateAlias", ["AliasName": "alias/a", "TargetKeyId": Self.id(2)])
        #expect(output == nil)
        #expect(try bench.keys.resolve("alias/a").key.spec == .rsa2048)
        #expect(try bench.keys.resolve("alias/b").key.spec == .eccNISTP256)
        let aliases = try bench.answer("ListAliases", ["KeyId": Self.id(2)])["Aliases"]?.array
        #expect(aliases?.count == 1)
        #expect(aliases?[0].object?["CreationDate"] == .epochSeconds(Bench.now))
        #expect(aliases?[0].object?["LastUpdatedDate"] == .epochSeconds(bench.circumstances.now))
    }

    @Test func `an alias that stays where it is counts as updated`() throws {
        var bench = try Self.bench()
        bench.circumstances.now = Bench.now.advanced(byMilliseconds: 5000)
        try bench.change("UpdateAlias", ["AliasName": "alias/a", "TargetKeyId": Self.id(1)])
        let aliases = try bench.answer("ListAliases", ["KeyId": Self.id(1)])["Aliases"]?.array
        #expect(aliases?.count == 2)
        #expect(aliases?[0].object?["LastUpdatedDate"] == .epochSeconds(bench.circumstances.now))
        #expect(aliases?[1].object?["LastUpdatedDate"] == .epochSeconds(Bench.now))
    }

    @Test func `an alias leaves a key that is pending deletion`() throws {
        var bench = try Self.bench()
        try bench.change("UpdateAlias", ["AliasName": "alias/dying", "TargetKeyId": Self.id(1)])
        #expect(try bench.keys.resolve("alias/dying").key.aliases.count == 3)
    }

    @Test func `an alias that is deleted is gone, and its name is free`() throws {
        var bench = try Self.bench()
        #expect(try bench.change("DeleteAlias", ["AliasName": "alias/a"]) == nil)
        let arn = "arn:aws:kms:eu-central-1:111122223333:alias/a"
        #expect(
            bench.error("GetPublicKey", ["KeyId": "alias/a"])
                == KMSError("NotFoundException", "Alias \(arn) is not found.")
        )
        try bench.change("CreateAlias", ["AliasName": "alias/a", "TargetKeyId": Self.id(5)])
        #expect(try bench.keys.resolve("alias/a").key.spec == .hmac256)
    }

    static let keys = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-00000000000"
    static let missing = KMSError(
        "NotFoundException",
        "Alias arn:aws:kms:eu-central-1:111122223333:alias/none is not found."
    )

    static let refusals: [(operation: String, input: JSON, error: KMSError)] = [
        ("UpdateAlias", ["AliasName": "alias/none", "TargetKeyId": id(1)], missing),
        ("DeleteAlias", ["AliasName": "alias/none"], missing),
        ("UpdateAlias", ["AliasName": "alias/aws/s3", "TargetKeyId": id(1)], KMSError("NotAuthorizedException")),
        ("DeleteAlias", ["AliasName": "alias/aws/s3"], KMSError("NotAuthorizedException")),
        ("DeleteAlias", ["AliasName": "a"], .validation("Invalid identifier")),
        (
            "UpdateAlias", ["AliasName": "alias/a", "TargetKeyId": "alias/b"],
            .validation("Aliases must refer to keys. Not aliases")
        ),
        (
            "UpdateAlias", ["AliasName": "alias/a", "TargetKeyId": id(3)],
            KMSError("KMSInvalidStateException", "\(keys)3 is pending deletion.")
        ),
        (
            "UpdateAlias", ["AliasName": "alias/a", "TargetKeyId": id(4)],
            .validation("\(keys)4 is of another type or key usage than \(keys)1.")
        ),
        (
            "UpdateAlias", ["AliasName": "alias/a", "TargetKeyId": id(5)],
            .validation("\(keys)5 is of another type or key usage than \(keys)1.")
        ),
    ]

    @Test(arguments: refusals)
    func `a refusal has a name and words`(operation: String, input: JSON, error: KMSError) throws {
        #expect(try Self.bench().error(operation, input) == error)
    }

    @Test func `a change needs the permission on the alias and on each key`() throws {
        let alias: JSON = "arn:aws:kms:eu-central-1:111122223333:alias/a"
        let resources: [JSON] = [alias, .string(Self.keys + "1"), .string(Self.keys + "2")]
        for missing in 0...resources.count {
            var allowed = resources
            if missing < resources.count { allowed.remove(at: missing) }
            var bench = try Self.bench()
            bench.caller = try Bench.user(policies: [
                [
                    "Version": "2012-10-17",
                    "Statement": ["Effect": "Allow", "Action": "kms:UpdateAlias", "Resource": .array(allowed)],
                ]
            ])
            let error = bench.error("UpdateAlias", ["AliasName": "alias/a", "TargetKeyId": Self.id(2)])
            #expect(error?.name == (missing < resources.count ? "AccessDeniedException" : nil))
            if missing < resources.count {
                #expect(error?.message?.contains(try #require(resources[missing].string)) == true)
            }
        }
    }
}
