// SPDX-License-Identifier: Apache-2.0

import DevelopmentKMS
import Encoding
import Foundation
import KMSProtocol
import KeyService
import TestSupport
import Testing

/// The state directory and seeded ids.
struct StateTests {
    private static func open(_ directory: String) throws(StateError) -> StateDirectory {
        try StateDirectory(path: directory, account: TestService.account, region: TestService.region)
    }

    /// The same when the one before may still be on its way out: the lock goes with the last connection's handlers.
    private static func openWhenFree(_ directory: String) async throws -> StateDirectory {
        for _ in 0..<1000 {
            do {
                return try open(directory)
            } catch StateError.inUse {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        return try open(directory)
    }

    /// Runs a service on a directory, which is closed afterwards.
    private static func with<Result>(
        _ directory: String?,
        seed: String? = nil,
        clock: TestClock = TestClock(),
        _ body: (TestService) async throws -> Result
    ) async throws -> Result {
        let state: StateDirectory? = if let directory { try await openWhenFree(directory) } else { nil }
        return try await TestService.with(
            clock: clock,
            options: { options in
                options.seed = seed
                options.state = state
            },
            body
        )
    }

    private static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func `keys of every kind are the same keys after a restart`() async throws {
        let scratch = try TemporaryDirectory()
        let directory = scratch.url.appendingPathComponent("state").path
        let specs = KeySpec.allCases.filter { $0 != .rsa3072 && $0 != .rsa4096 }
        let before = try await Self.with(directory) { service in
            for spec in specs {
                let usage = try #require(spec.usages.last { $0 != .keyAgreement })
                let name = "alias/\(spec.rawValue)"
                let made = try await service.output(
                    "CreateKey",
                    ["KeySpec": .string(spec.rawValue), "KeyUsage": .string(usage.rawValue), "Description": "é\n\""]
                )
                let id = try #require(made["KeyMetadata"]?.object?["KeyId"])
                _ = try await service.output("CreateAlias", ["AliasName": .string(name), "TargetKeyId": id])
            }
            _ = try await service.output("DisableKey", ["KeyId": try await id("alias/RSA_2048", service)])
            _ = try await service.output(
                "ScheduleKeyDeletion",
                ["KeyId": try await id("alias/HMAC_224", service), "PendingWindowInDays": 7]
            )
            return (try await view(service), try await secrets(service))
        }
        let after = try await Self.with(directory) { service in (try await view(service), try await secrets(service)) }
        #expect(before.0 == after.0 && before.0.count == 2 + 2 * specs.count)
        #expect(before.1 == after.1)
    }

    /// All that the API shows of the keys and aliases.
    private func view(_ service: TestService) async throws -> [JSON] {
        let keys = try await service.output("ListKeys", [:])
        var view: [JSON] = [.object(keys), .object(try await service.output("ListAliases", [:]))]
        for key in try #require(keys["Keys"]?.array) {
            let id = try #require(key.object?["KeyId"])
            view.append(.object(try await service.output("DescribeKey", ["KeyId": id])))
            view.append(.object(try await service.output("GetKeyPolicy", ["KeyId": id])))
        }
        return view
    }

    /// What only the same key material gives.
    private func secrets(_ service: TestService) async throws -> [JSON?] {
        [
            try await service.output(
                "GenerateMac",
                ["KeyId": "alias/HMAC_512", "MacAlgorithm": "HMAC_SHA_512", "Message": "AAAA"]
            )["Mac"],
            try await service.output("GetPublicKey", ["KeyId": "alias/ECC_NIST_P384"])["PublicKey"],
            // Ed25519 signatures are deterministic.
            try await service.output(
                "Sign",
                [
                    "KeyId": "alias/ECC_NIST_EDWARDS25519", "SigningAlgorithm": "ED25519_SHA_512", "Message": "AAAA",
                ]
            )["Signature"],
        ]
    }

    private func id(_ alias: String, _ service: TestService) async throws -> JSON {
        let key = try await service.output("DescribeKey", ["KeyId": .string(alias)])["KeyMetadata"]?.object
        return try #require(key?["KeyId"])
    }

    @Test func `a ciphertext decrypts after a restart`() async throws {
        let scratch = try TemporaryDirectory()
        let directory = scratch.url.appendingPathComponent("state").path
        let blob = try await Self.with(directory) { service in
            try await service.makeKey()
            return try await service.output("Encrypt", ["KeyId": "alias/k", "Plaintext": "c2VjcmV0"])["CiphertextBlob"]
        }
        try await Self.with(directory) { service in
            let opened = try await service.output("Decrypt", ["CiphertextBlob": try #require(blob)])
            #expect(opened["Plaintext"] == "c2VjcmV0")
        }
    }

    @Test func `directory and file are for their user alone, and one process has them`() async throws {
        let scratch = try TemporaryDirectory()
        let directory = scratch.url.appendingPathComponent("state").path
        try await Self.with(directory) { service in
            try await service.makeKey()
            #expect(throws: StateError.inUse(directory)) { try Self.open(directory) }
        }
        for (path, mode) in [(directory, 0o700), (directory + "/keys.json", 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect((attributes[.posixPermissions] as? Int) == mode)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o750], ofItemAtPath: directory)
        #expect(throws: StateError.openToOthers(directory)) { try Self.open(directory) }
    }

    @Test func `what an interrupted change left behind is of no account`() async throws {
        let scratch = try TemporaryDirectory()
        let directory = scratch.url.appendingPathComponent("state").path
        let arn = try await Self.with(directory) { service in try await service.makeKey() }
        try "{\"format\":1,".write(toFile: directory + "/keys.json.new", atomically: false, encoding: .utf8)
        try await Self.with(directory) { service in
            _ = try await service.output("DescribeKey", ["KeyId": .string(arn)])
            _ = try await service.output("CreateAlias", ["AliasName": "alias/more", "TargetKeyId": .string(arn)])
        }
        try await Self.with(directory) { service in
            _ = try await service.output("DescribeKey", ["KeyId": "alias/more"])
        }
    }

    @Test func `a damaged file is refused with its place, and left as it is`() async throws {
        let scratch = try TemporaryDirectory()
        let directory = scratch.url.appendingPathComponent("state").path
        let file = directory + "/keys.json"
        try await Self.with(directory) { service in _ = try await service.makeKey() }
        let good = try Self.text(file)
        for (damaged, reason) in [
            (String(good.dropLast(40)), "is damaged: it is no JSON"),
            (good.replacing("\"format\":1", with: "\"format\":2"), "format: must be an integer from 1 to 1"),
            (
                good.replacing("ENCRYPT_DECRYPT", with: "NOTHING"),
                "keys[0].keyUsage: is not a value that this version knows"
            ),
            (
                good.replacing("SYMMETRIC_DEFAULT", with: "HMAC_512"),
                "keys[0].material: must be material of a key of spec HMAC_512"
            ),
            (good.replacing("alias/k", with: "k"), "keys[0].aliases[0].name: must be an alias name"),
            (good.replacing("\"origin\"", with: "\"other\""), "keys[0].origin: is missing"),
            (
                good.replacing("111122223333\",\"region", with: "222222222222\",\"region"),
                "holds keys of account 222222222222 in eu-central-1, not 111122223333 in eu-central-1"
            ),
        ] {
            try #require(damaged != good)
            try damaged.write(toFile: file, atomically: false, encoding: .utf8)
            await #expect(throws: StateError.damaged(file, reason)) { try await Self.openWhenFree(directory) }
            #expect(try Self.text(file) == damaged)
        }
    }

    @Test func `a change that cannot be stored is an error, and not made`() async throws {
        let scratch = try TemporaryDirectory()
        let directory = scratch.url.appendingPathComponent("state").path
        try await Self.with(directory) { service in
            let arn = try await service.makeKey()
            // In the way of the temporary file, also for root.
            let obstacle = directory + "/keys.json.new"
            try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
            let response = try await service.call("DisableKey", ["KeyId": .string(arn)])
            #expect(response.status == 500 && response.errorName == "KMSInternalException")
            let key = try await service.output("DescribeKey", ["KeyId": .string(arn)])["KeyMetadata"]?.object
            #expect(key?["KeyState"] == "Enabled")
            try FileManager.default.removeItem(atPath: obstacle)
            _ = try await service.output("DisableKey", ["KeyId": .string(arn)])
        }
    }

    @Test func `a key whose waiting period is over is gone from memory and disk, with its aliases`() async throws {
        let scratch = try TemporaryDirectory()
        let directory = scratch.url.appendingPathComponent("state").path
        let clock = TestClock()
        let day: Int64 = 86_400_000
        let arn = try await Self.with(directory, clock: clock) { service in
            let arn = try await service.makeKey()
            _ = try await service.output("ScheduleKeyDeletion", ["KeyId": .string(arn), "PendingWindowInDays": 7])
            clock.advance(milliseconds: 7 * day - 1)
            #expect(try await service.call("DescribeKey", ["KeyId": "alias/k"]).status == 200)
            clock.advance(milliseconds: 1)
            #expect(
                try await service.call("DescribeKey", ["KeyId": .string(arn)]).errorMessage
                    == "Key '\(arn)' does not exist"
            )
            #expect(try await service.call("DescribeKey", ["KeyId": "alias/k"]).errorName == "NotFoundException")
            return arn
        }
        let id = try #require(arn.split(separator: "/").last)
        let file = try Self.text(directory + "/keys.json")
        #expect(!file.contains(id))
    }

    // MARK: Seeds

    private static func createdIDs(_ count: Int, _ service: TestService) async throws -> [String] {
        var ids: [String] = []
        for _ in 0..<count {
            let metadata = try await service.output("CreateKey", [:])["KeyMetadata"]?.object
            ids.append(try #require(metadata?["KeyId"]?.string))
        }
        return ids
    }

    @Test func `a seed gives the documented ids in each run, and key material of its own`() async throws {
        // python3 -c 'import hashlib; print(hashlib.sha256(b"test\x001").hexdigest()[:32])' and so on, version 4.
        let expected = try await Tool.run(
            "python3",
            [
                "-c",
                """
                import hashlib, uuid
                for n in range(1, 4): print(uuid.UUID(bytes=hashlib.sha256(b"test\\0%d" % n).digest()[:16], version=4))
                """,
            ]
        ).text.split(separator: "\n").map(String.init)
        var blobs: [[UInt8]] = []
        for _ in 0..<2 {
            try await Self.with(nil, seed: "test") { service in
                // A request that fails does not count.
                _ = try await service.call("CreateKey", ["Policy": "{"])
                #expect(try await Self.createdIDs(3, service) == expected)
                let sealed = try await service.output("Encrypt", ["KeyId": .string(expected[0]), "Plaintext": "AAAA"])
                if let other = blobs.first {
                    #expect(
                        try await service.call("Decrypt", ["CiphertextBlob": .blob(other)]).errorName
                            == "InvalidCiphertextException"
                    )
                }
                blobs.append(try #require(sealed.blob("CiphertextBlob")))
            }
        }
        #expect(blobs.count == 2)
    }

    @Test func `a state directory goes on counting where it was, deleted keys included`() async throws {
        let scratch = try TemporaryDirectory()
        let directory = scratch.url.appendingPathComponent("state").path
        let clock = TestClock()
        let whole = try await Self.with(nil, seed: "s") { try await Self.createdIDs(4, $0) }
        try await Self.with(directory, seed: "s", clock: clock) { service in
            #expect(try await Self.createdIDs(2, service) == Array(whole[0..<2]))
            _ = try await service.output("ScheduleKeyDeletion", ["KeyId": .string(whole[1])])
        }
        clock.advance(milliseconds: 40 * 86_400_000)
        try await Self.with(directory, seed: "s", clock: clock) { service in
            let later = try await Self.createdIDs(2, service)
            #expect(later == Array(whole[2..<4]))
        }
        let other = try await Self.with(nil, seed: "t") { try await Self.createdIDs(1, $0) }
        #expect(other != [whole[0]])
    }
}
