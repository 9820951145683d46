// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker key`, as an operator uses it, on the development KMS, which has KMS's own view of what was done.
struct KeyCommandTests {
    let kms: RunningKMS

    init() async throws { kms = try await RunningKMS() }

    private func key(_ arguments: [String], input: [UInt8] = []) async throws -> Tool.Result {
        try await Programs.run(["keybroker", "key"] + arguments, environment: kms.environment, input: input)
    }

    private func json(_ arguments: [String]) async throws -> JSONObject {
        let result = try await key(arguments + ["--json"])
        guard result.status == 0 else { throw Unexpected("\(arguments): \(result.errors)") }
        return try RunningBroker.require(try JSON.parse(result.output).object)
    }

    private func metadata(_ keyID: String) async throws -> JSONObject {
        let answer = try await kms.client().call("TrentService.DescribeKey", ["KeyId": .string(keyID)])
        return try RunningBroker.require(answer["KeyMetadata"]?.object)
    }

    private func create(_ spec: String, alias: String) async throws -> String {
        let made = try await json(["create", "--spec", spec, "--alias", alias, "--description", "for \(alias)"])
        return try RunningBroker.require(made["KeyId"]?.string)
    }

    @Test func `a key goes through its life, and KMS agrees at each step`() async throws {
        let id = try await create("ECC_NIST_P256", alias: "audit")
        #expect(try await metadata("alias/audit")["KeyId"]?.string == id)
        #expect(try await metadata(id)["Description"] == "for audit")
        for (arguments, member, value) in [
            (["disable", "alias/audit"], "KeyState", "Disabled"), (["enable", id], "KeyState", "Enabled"),
            (["update", "alias/audit", "--description", "new"], "Description", "new"),
            (["schedule-deletion", "alias/audit", "--days", "7", "--yes"], "KeyState", "PendingDeletion"),
            (["cancel-deletion", "alias/audit"], "KeyState", "Disabled"),
        ] {
            let result = try await key(arguments)
            #expect(result.status == 0, "\(arguments): \(result.errors)")
            #expect(try await metadata(id)[member]?.string == value, "\(arguments)")
        }
    }

    @Test func `the usage follows from the spec`() async throws {
        for (spec, usage) in [
            ("HMAC_384", "GENERATE_VERIFY_MAC"), ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), ("RSA_2048", "SIGN_VERIFY"),
        ] {
            #expect(try await json(["create", "--spec", spec])["KeyUsage"]?.string == usage)
        }
    }

    @Test func `a list has each key with its aliases, beyond one page`() async throws {
        var ids: Set<String> = []
        for number in 0..<3 { ids.insert(try await create("HMAC_256", alias: "alias/n\(number)")) }
        // KMS's pages of aliases have 50 by default.
        let first = try RunningBroker.require(ids.min())
        for number in 3..<52 {
            let target = number < 40 ? first : try RunningBroker.require(ids.max())
            _ = try await kms.client().call(
                "TrentService.CreateAlias",
                ["AliasName": .string("alias/n\(number)"), "TargetKeyId": .string(target)]
            )
        }
        let keys = try #require(try await json(["list"])["Keys"]?.array?.compactMap(\.object))
        #expect(Set(keys.compactMap { $0["KeyId"]?.string }) == ids)
        #expect(keys.reduce(0) { $0 + ($1["Aliases"]?.array?.count ?? 0) } == 52)
        let lines = try await key(["list"]).text.split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines.first?.hasPrefix("KEY") == true)
    }

    @Test func `aliases are made, moved and deleted`() async throws {
        let first = try await create("HMAC_256", alias: "a")
        let second = try await create("HMAC_256", alias: "b")
        #expect(try await key(["alias", "create", "c", first]).status == 0)
        #expect(try await key(["alias", "update", "alias/c", second]).status == 0)
        #expect(try await metadata("alias/c")["KeyId"]?.string == second)
        let of = try await json(["alias", "list", "--key", "alias/b"])["Aliases"]?.array
        #expect(of?.compactMap { $0.object?["AliasName"]?.string } == ["alias/b", "alias/c"])
        #expect(try await key(["alias", "delete", "c", "--yes"]).status == 0)
        #expect(try await key(["describe", "alias/c"]).errors.contains("NotFoundException"))
    }

    @Test func `what cannot be undone at once needs a yes where nobody can be asked`() async throws {
        let id = try await create("HMAC_256", alias: "a")
        for arguments in [["schedule-deletion", id], ["alias", "delete", "a"]] {
            let result = try await key(arguments)
            #expect(result.status == 2)
            #expect(result.errors.contains("--yes"))
        }
        #expect(try await metadata("alias/a")["KeyState"] == "Enabled")
    }

    @Test func `a policy that was got can be put, and one that is not JSON is not sent`() async throws {
        let id = try await create("HMAC_256", alias: "a")
        let policy = try await key(["policy", "get", "alias/a"])
        try kms.folder.write("policy.json", policy.text)
        #expect(try await key(["policy", "put", "alias/a", kms.folder.file("policy.json")]).status == 0)
        try kms.folder.write("broken.json", policy.text.replacing("}", with: "", maxReplacements: 1))
        let broken = try await key(["policy", "put", id, kms.folder.file("broken.json")])
        #expect(broken.status == 2)
        #expect(broken.errors.contains("not JSON"))
        try kms.folder.write("lockout.json", policy.text.replacing("kms:*", with: "kms:Sign"))
        let lockout = try await key(["policy", "put", id, kms.folder.file("lockout.json")])
        #expect(lockout.status == 1)
        #expect(lockout.errors.contains("MalformedPolicyDocumentException"))
    }

    @Test func `openssl verifies what is signed, also of a message too long to send`() async throws {
        try kms.folder.write([UInt8](repeating: 7, count: 100_000), as: "long")
        try kms.folder.write(Array("an event".utf8), as: "short")
        for (spec, algorithm) in [("ECC_NIST_P256", nil), ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256")]
            as [(String, String?)]
        {
            let id = try await create(spec, alias: spec)
            let options = algorithm.map { ["--algorithm", $0] } ?? []
            #expect(try await key(["public-key", id, "-o", kms.folder.file("public.pem")]).status == 0)
            for message in ["long", "short"] {
                let file = kms.folder.file(message)
                let signed = try await key(["sign", id, "--message", file, "-o", kms.folder.file("sig")] + options)
                #expect(signed.status == 0, "\(signed.errors)")
                let verified = try await Programs.run([
                    "openssl", "dgst", "-sha256", "-verify", kms.folder.file("public.pem"), "-signature",
                    kms.folder.file("sig"), file,
                ])
                #expect(verified.text == "Verified OK\n")
                #expect(
                    try await key(["verify", id, "--message", file, "--signature", kms.folder.file("sig")] + options)
                        .text
                        == "valid\n"
                )
            }
            let other = try await key(
                ["verify", id, "--message", "-", "--signature", kms.folder.file("sig")] + options,
                input: Array("another".utf8)
            )
            #expect(other.status == 1)
            #expect(other.text == "invalid\n")
        }
    }

    @Test func `a MAC key makes MACs`() async throws {
        let id = try await create("HMAC_256", alias: "mac")
        try kms.folder.write(Array("an event".utf8), as: "message")
        let arguments = [id, "--message", kms.folder.file("message")]
        #expect(try await key(["sign"] + arguments + ["-o", kms.folder.file("mac")]).status == 0)
        #expect(try await key(["verify"] + arguments + ["--signature", kms.folder.file("mac")]).text == "valid\n")
        try kms.folder.write([UInt8](repeating: 0, count: 32), as: "wrong")
        #expect(try await key(["verify"] + arguments + ["--signature", kms.folder.file("wrong")]).status == 1)
    }

    @Test func `with several algorithms one must be named`() async throws {
        let id = try await create("RSA_2048", alias: "rsa")
        try kms.folder.write([1], as: "m")
        let result = try await key(["sign", id, "--message", kms.folder.file("m")])
        #expect(result.status == 2)
        #expect(result.errors.contains("RSASSA_PSS_SHA_512"))
    }

    @Test func `a public key comes with the word that it is not attested`() async throws {
        let id = try await create("ECC_NIST_EDWARDS25519", alias: "ed")
        let result = try await key(["public-key", id])
        #expect(result.text.hasPrefix("-----BEGIN PUBLIC KEY-----\n"))
        #expect(result.errors.contains("not attested"))
        #expect(result.errors.contains("keybroker attest --key \(id)"))
        #expect(try await json(["public-key", id])["Attested"] == false)
    }

    @Test func `an error is one line that says what to do`() async throws {
        for (environment, arguments, says) in [
            (["AWS_ACCESS_KEY_ID": "nobody"], ["list"], "--profile"),
            (["AWS_SECRET_ACCESS_KEY": "wrong"], ["list"], "check the secret"),
            (["AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:9"], ["list"], "is keybroker-host running there?"),
            ([:], ["describe", "alias/none"], "keybroker key list"),
            ([:], ["tag", "alias/none", "a"], "expected NAME=VALUE"),
        ] as [([String: String], [String], String)] {
            let result = try await Programs.run(
                ["keybroker", "key"] + arguments,
                environment: kms.environment.merging(environment) { $1 }
            )
            #expect(result.status != 0)
            #expect(result.errors.contains(says), "\(result.errors)")
            #expect(result.errors.split(separator: "\n").count == 1)
        }
    }
}

/// A development KMS of its own.
final class RunningKMS {
    let folder: TemporaryDirectory
    let url: String
    private let process: Process

    init() async throws {
        folder = try TemporaryDirectory()
        let log = folder.file("kms.log")
        process = try Programs.start(["keybroker", "kms", "serve", "--listen", "127.0.0.1:0"], log: log)
        for _ in 0..<1500 {
            if let match = folder.read("kms.log").firstMatch(of: /http:\/\/[0-9.]+:[0-9]+/) {
                url = String(match.0)
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        process.terminate()
        throw Unexpected("the development KMS does not start")
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    var environment: [String: String] {
        ["AWS_ENDPOINT_URL_KMS": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"]
    }

    func client() throws -> KMSClient { try RunningBroker.client(url, id: "test", secret: "test") }
}
