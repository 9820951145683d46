// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// What an operator does to a running broker, with the command line alone.
@Suite(.serialized)
struct OperatorTests {
    private func keybroker(_ broker: RunningBroker, _ arguments: [String]) async throws -> Tool.Result {
        try await Programs.run(["keybroker"] + arguments, environment: broker.clientEnvironment)
    }

    private func json(_ broker: RunningBroker, _ arguments: [String]) async throws -> JSONObject {
        let result = try await keybroker(broker, arguments + ["--json"])
        guard result.status == 0 else { throw Unexpected("\(arguments): \(result.errors)") }
        return try RunningBroker.require(try JSON.parse(result.output).object)
    }

    /// The enclave that this broker is known to run.
    private func expected(_ broker: RunningBroker) -> [String] {
        ["--root", broker.folder.file("module/root.pem"), "--binary", Programs.path("keybroker-enclave")]
    }

    private func version(_ broker: RunningBroker) async throws -> Int64? {
        try await json(broker, ["status"])["KeyringVersion"]?.int64
    }

    @Test func `a key made through the enclave signs, and an attestation names its public key`() async throws {
        let broker = try await RunningBroker()
        let made = try await json(broker, ["key", "create", "--spec", "ECC_NIST_P256", "--alias", "new"])
        let id = try RunningBroker.require(made["KeyId"]?.string)
        let pem = broker.folder.file("new.pem")
        let attested = try await keybroker(
            broker,
            ["key", "public-key", "alias/new", "-o", pem, "--config", broker.folder.file("enclave.json")]
                + expected(broker)
        )
        #expect(attested.status == 0, "\(attested.errors)")
        #expect(attested.errors.contains("attested: the enclave names this key ("))
        try broker.folder.write(Array("an event".utf8), as: "event")
        let files = (event: broker.folder.file("event"), signature: broker.folder.file("signature"))
        #expect(
            try await keybroker(broker, ["key", "sign", id, "--message", files.event, "-o", files.signature]).status
                == 0
        )
        let verified = try await Programs.run([
            "openssl", "dgst", "-sha256", "-verify", pem, "-signature", files.signature, files.event,
        ])
        #expect(verified.text == "Verified OK\n")
    }

    @Test func `a restore brings back what was backed up, and clients of the newer version notice`() async throws {
        let broker = try await RunningBroker(tls: true)
        let folder = broker.folder.file("backup")
        let host = ["--host", broker.folder.file("host.json")]
        let before = try RunningBroker.require(try await version(broker))
        _ = try await json(
            broker,
            ["keyring", "backup", "-o", folder, "--endpoint", broker.url] + host + expected(broker)
        )
        _ = try await json(broker, ["key", "disable", "alias/audit-p256"])
        #expect(try await version(broker) == before + 1)
        try await broker.restart {
            let refused = try await keybroker(broker, ["keyring", "restore", folder] + host)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("version \(before + 1) is stored"))
        }
        #expect(try await json(broker, ["key", "describe", "alias/audit-p256"])["KeyState"] == "Disabled")

        try await broker.restart(waiting: false) {
            let forced = try await keybroker(broker, ["keyring", "restore", folder, "--force"] + host)
            #expect(forced.status == 0, "\(forced.errors)")
        }
        // `keybroker trust` has seen the version that was undone.
        var reason: String?
        for _ in 0..<300 where reason != "keyring-rollback" {
            reason = try? JSON.parse(try await broker.trust(["--json"]).output).object?["reason"]?.string
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(reason == "keyring-rollback")
        // Whoever knows of the restore goes on with the certificate, which is the same.
        #expect(try await version(broker) == before)
        #expect(try await json(broker, ["key", "describe", "alias/audit-p256"])["KeyState"] == "Enabled")
        _ = try await json(broker, ["key", "tag", "alias/audit-p256", "restored=yes"])
        #expect(try await version(broker) == before + 1)
        #expect(try await json(broker, ["key", "tags", "alias/audit-p256"])["Tags"]?.array?.count == 1)
    }

    @Test func `an access key is rotated: a second one with the same policies, then the first goes`() async throws {
        let broker = try await RunningBroker(tls: true)
        let policy = """
            {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:Sign","kms:DescribeKey","kms:ListAliases"],
             "Resource":"*"}}
            """
        try broker.folder.write("policy.json", policy)
        try broker.folder.write(Array("an event".utf8), as: "event")
        func create(_ file: String, _ policies: [String]) async throws -> String {
            let made = try await json(
                broker,
                ["principal", "create", "signer", "--credentials-file", broker.folder.file(file)] + policies
            )
            return try RunningBroker.require(made["Principal"]?.object?["AccessKeyId"]?.string)
        }
        func signs(_ file: String) async throws -> Tool.Result {
            try await Programs.run(
                ["keybroker", "key", "sign", "alias/audit-p256", "--message", broker.folder.file("event")],
                environment: broker.clientEnvironment.merging([
                    "AWS_SHARED_CREDENTIALS_FILE": broker.folder.file(file)
                ]) { $1 }
            )
        }
        let first = try await create("first", ["--policy", broker.folder.file("policy.json")])
        #expect(try await signs("first").status == 0)
        let second = try await create("second", [])
        #expect(try await signs("second").status == 0)
        let policies = try await keybroker(broker, ["principal", "policy", "get", second])
        #expect(policies.text == policy + "\n")
        #expect(try await keybroker(broker, ["principal", "delete", first, "--yes"]).status == 0)
        #expect(try await signs("first").errors.contains("UnrecognizedClientException"))
        #expect(try await signs("second").status == 0)
        let list = try await json(broker, ["principal", "list"])["Principals"]?.array ?? []
        #expect(list.filter { $0.object?["Arn"]?.string?.hasSuffix(":user/signer") == true }.count == 1)
    }

    @Test func `over plain HTTP no secret comes, and no file is made`() async throws {
        let broker = try await RunningBroker()
        let file = broker.folder.file("signer")
        let result = try await keybroker(broker, ["principal", "create", "signer", "--credentials-file", file])
        #expect(result.status == 1)
        #expect(!FileManager.default.fileExists(atPath: file))
        let list = try await json(broker, ["principal", "list"])["Principals"]?.array
        #expect(list?.count == 1)
    }

    @Test func `a backup of a file that the enclave does not serve is refused`() async throws {
        let broker = try await RunningBroker()
        let state = broker.folder.file("state")
        let copy = broker.folder.file("copy")
        try FileManager.default.copyItem(atPath: state, toPath: copy)
        _ = try await json(broker, ["key", "disable", "alias/audit-p256"])
        let result = try await keybroker(
            broker,
            [
                "keyring", "backup", "-o", broker.folder.file("backup"), "--endpoint", broker.url, "--state", copy,
                "--config", broker.folder.file("enclave.json"),
            ] + expected(broker)
        )
        #expect(result.status == 1)
        #expect(result.errors.contains("the enclave serves version 2, and the host's file is version 1"))
        #expect(!FileManager.default.fileExists(atPath: broker.folder.file("backup")))
    }

    @Test func `the floor rises to the version that is attested`() async throws {
        let broker = try await RunningBroker()
        _ = try await json(broker, ["key", "disable", "alias/audit-p256"])
        let arguments = [
            "keyring", "raise-floor", "--config", broker.folder.file("enclave.json"), "-o",
            broker.folder.file("floor.json"), "--endpoint", broker.url,
        ]
        let raised = try await json(broker, arguments + expected(broker))
        #expect(raised["minimumKeyringVersion"] == 2)
        #expect(raised["attested"] == true)
        let tooHigh = try await keybroker(broker, arguments + expected(broker) + ["--to", "3"])
        #expect(tooHigh.status == 1)
        #expect(tooHigh.errors.contains("the enclave serves version 2"))
    }
}
