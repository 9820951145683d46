// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker rotate` of the enclave itself: another image and another configuration, under a development KMS.
@Suite(.serialized, .sharedBroker()) struct RotateEnclaveTests {
    private static let steps = ["measure", "admit", "serve", "revoke"]

    /// An installation, and what is to follow it.
    private struct Change {
        let broker: RunningBroker
        let keyARN: String
        var folder: TemporaryDirectory { broker.folder }
        var oldBinary: String { Programs.path("keybroker-enclave") }
        var newBinary: String { folder.file("new-enclave") }

        init(_ broker: RunningBroker) async throws {
            self.broker = broker
            let folder = broker.folder
            let configuration = try RunningBroker.bytes(folder.file("enclave.json"))
            keyARN = try RunningBroker.require(
                try JSON.parse(configuration).object?["kms"]?.object?["keyArn"]?.string
            )
            // One byte more makes another image; one space more another configuration.
            try RunningBroker.write(configuration + [0x20], folder.file("new.json"))
            try RunningBroker.write(configuration, folder.file("old.json"))
            _ = try await Programs.run(["cp", oldBinary, newBinary])
            _ = try await Programs.run(["sh", "-c", "printf x >> \(newBinary)"])
        }

        func rotate(_ verb: String, _ arguments: [String] = []) async throws -> Tool.Result {
            try await Programs.run(
                [
                    "keybroker", "rotate", verb, "enclave", "--root", folder.file("module/root.pem"), "--binary",
                    newBinary,
                    "--previous-binary", oldBinary, "--config", folder.file("new.json"), "--previous-config",
                    folder.file("old.json"), "--endpoint", broker.url, "--kms-endpoint", broker.kmsURL, "--overlap",
                    "0s",
                ] + arguments,
                environment: RunningBroker.administrator
            )
        }

        func report(_ verb: String, _ arguments: [String] = []) async throws -> JSONObject {
            let result = try await rotate(verb, arguments + ["--json"])
            guard result.status == 0 else { throw Unexpected("\(arguments): \(result.errors)\(result.text)") }
            let faults = try JSONSchema("rotation-output").faults(in: result.output)
            guard faults.isEmpty else { throw Unexpected("\(faults)") }
            return try RunningBroker.require(try JSON.parse(result.output).object)
        }

        var journalPath: String { folder.file("new.json.rotation.json") }

        func journal() throws -> JSONObject {
            let bytes = try RunningBroker.bytes(journalPath)
            let faults = try JSONSchema("rotation-journal").faults(in: bytes)
            guard faults.isEmpty else { throw Unexpected("\(faults)") }
            return try RunningBroker.require(try JSON.parse(bytes).object)
        }

        func fact(_ name: String) throws -> String {
            try RunningBroker.require(try journal()["facts"]?.object?[name]?.string)
        }

        private func client() throws -> KMSClient {
            try RunningBroker.client(broker.kmsURL, id: "test", secret: "test")
        }

        func policy() async throws -> String {
            let answer = try await client().call("TrentService.GetKeyPolicy", ["KeyId": .string(keyARN)])
            return try RunningBroker.require(answer["Policy"]?.string)
        }

        func put(_ policy: String) async throws {
            _ = try await client().call(
                "TrentService.PutKeyPolicy",
                ["KeyId": .string(keyARN), "PolicyName": "default", "Policy": .string(policy)]
            )
        }

        /// The host with an image and a configuration.
        func start(_ binary: String, _ configuration: String) async throws {
            try await broker.restart {
                try RunningBroker.write(
                    try RunningBroker.bytes(folder.file(configuration)),
                    folder.file("enclave.json")
                )
                var host = try RunningBroker.require(try JSON.parse(folder.bytes("host.json")).object)
                var enclave = host["enclave"]?.object
                enclave?["executable"] = .string(binary)
                host["enclave"] = enclave.map { .object($0) }
                try RunningBroker.write(JSON.object(host).serialized(), folder.file("host.json"))
            }
        }
    }

    @Test func `a new image and configuration follow the old ones, and then those get the TSK no more`() async throws {
        let change = try await Change(RunningBroker())
        let before = try await change.policy()
        #expect(try await change.report("rehearse")["ready"] == true)
        let plan = try await change.report("plan")
        #expect(plan["steps"]?.array?.compactMap { $0.object?["step"]?.string } == Self.steps)
        #expect(try await change.policy() == before)

        // Each step twice: the second time as if nobody had written that the first was done.
        for step in ["measure", "admit"] {
            _ = try await change.report("apply", ["--until", step])
            var journal = try change.journal()
            var entries = try #require(journal["steps"]?.array)
            entries[entries.count - 1] = [
                "step": .string(step), "state": "started", "started": "2026-01-01T00:00:00Z",
            ]
            journal["steps"] = .array(entries)
            try RunningBroker.write(JSON.object(journal).serialized(), change.journalPath)
            _ = try await change.report("apply", ["--until", step])
        }
        let both = try JSON.parse(Array(try await change.policy().utf8))
        #expect(both == plan["policies"]?.object?["both"])

        // Nobody has started the new one: both may unlock, and that is how it stays.
        let waiting = try await change.report("apply")
        #expect(waiting["state"] == "waiting" && waiting["next"] == "serve")
        #expect(waiting["lacks"]?.string?.hasPrefix("start the new enclave") == true)
        #expect(try JSON.parse(Array(try await change.policy().utf8)) == both)

        try await change.start(change.newBinary, "new.json")
        let finished = try await change.report("apply")
        #expect(finished["state"] == "finished")
        let steps = (finished["steps"]?.array ?? []).compactMap { $0.object?["detail"]?.string }
        #expect(steps.count == 4 && steps[2].contains("serves version 1 of keyring test-keys, as before"))
        #expect(try JSON.parse(Array(try await change.policy().utf8)) == plan["policies"]?.object?["new"])

        // The new one unlocks, the old one does not: what KMS says of it, the host's log has.
        kill(try change.broker.enclavePID(), SIGKILL)
        try await change.broker.waitUntilServing()
        try await change.broker.restart(waiting: false) {
            try RunningBroker.write(
                try RunningBroker.bytes(change.folder.file("old.json")),
                change.folder.file("enclave.json")
            )
        }
        func isRefused() -> Bool {
            change.folder.read("host.log").contains("KMS Decrypt failed - AccessDeniedException")
        }
        for _ in 0..<1500 where !isRefused() { try await Task.sleep(for: .milliseconds(20)) }
        #expect(isRefused())
    }

    @Test func `another policy in force than expected is refused, and stays; a rotation can be taken back`()
        async throws
    {
        let change = try await Change(SharedBroker.current)
        let before = try await change.policy()
        // Of another enclave than the one that is said to run.
        let swapped = try await Programs.run(
            [
                "keybroker", "rotate", "apply", "enclave", "--root", change.folder.file("module/root.pem"), "--binary",
                change.newBinary, "--previous-pcr", "0=\(String(repeating: "5a", count: 48))", "--config",
                change.folder.file("old.json"), "--endpoint", change.broker.url, "--kms-endpoint", change.broker.kmsURL,
            ],
            environment: RunningBroker.administrator
        )
        #expect(
            swapped.status == 1
                && swapped.errors.contains("is not what keybroker policy key prints for the old enclave")
        )
        #expect(try await change.policy() == before)

        _ = try await change.report("apply", ["--until", "measure"])
        let other = before.replacing("keybroker-unlock", with: "somebody-elses")
        try await change.put(other)
        let refused = try await change.rotate("apply")
        #expect(refused.status == 1 && refused.errors.contains("somebody changed it"), "\(refused.errors)")
        let kept = try await change.rotate("apply", ["--restore"])
        #expect(kept.status == 1 && kept.errors.contains("none of this rotation's"), "\(kept.errors)")
        #expect(try await change.policy() == other)

        try await change.put(before)
        // What was begun and taken back is neither gone on with nor begun again by itself.
        _ = try await change.report("apply", ["--until", "admit"])
        #expect(try await change.policy() != before)
        #expect(try await change.report("apply", ["--restore"])["state"] == "restored")
        #expect(try JSON.parse(Array(try await change.policy().utf8)) == JSON.parse(Array(before.utf8)))
        let again = try await change.rotate("apply")
        #expect(again.status == 2 && again.errors.contains("--again"), "\(again.errors)")
        #expect(try await change.report("apply", ["--again", "--until", "measure"])["state"] == "stopped")
        try FileManager.default.removeItem(atPath: change.journalPath)
    }

    @Test func `a policy of another make is replaced only if the user says who is to be in the new one`() async throws {
        let change = try await Change(SharedBroker.current)
        let before = try await change.policy()
        try await change.broker.unbindPolicy()
        let refused = try await change.rotate("apply")
        #expect(refused.status == 1 && refused.errors.contains("--role, --admin"), "\(refused.errors)")
        // Root alone: the host gets nothing under it.
        let role = ["--role", RunningBroker.hostRole]
        let locked = try await change.rotate("apply", role)
        #expect(
            locked.status == 1 && locked.errors.contains("does not release the TSK to the old enclave"),
            "\(locked.errors)"
        )
        let open = try await change.policy().replacing(
            "\"arn:aws:iam::000000000000:root\"",
            with: "[\"arn:aws:iam::000000000000:root\", \"\(RunningBroker.hostRole)\"]"
        )
        try await change.put(open)
        let plan = try await change.report("plan", role)
        #expect(try await change.report("apply", role + ["--until", "admit"])["state"] == "stopped")
        #expect(try JSON.parse(Array(try await change.policy().utf8)) == plan["policies"]?.object?["both"])
        #expect(try await change.report("apply", role + ["--restore"])["state"] == "restored")
        #expect(try JSON.parse(Array(try await change.policy().utf8)) == JSON.parse(Array(open.utf8)))
        try await change.put(before)
        try FileManager.default.removeItem(atPath: change.journalPath)
    }

    @Test func `a configuration under which the keyring would not open is refused before anything is changed`()
        async throws
    {
        let change = try await Change(SharedBroker.current)
        let before = try await change.policy()
        let configuration = change.folder.read("old.json")
        for (changed, reason) in [
            (
                configuration.replacing(/"minimumKeyringVersion": ?1/, with: "\"minimumKeyringVersion\": 2"),
                "its floor is version 2"
            ),
            (configuration.replacing("test-keys", with: "best-keys"), "has keyring best-keys"),
            (
                configuration.replacing(/"commitment": ?"../, with: "\"commitment\": \"00"),
                "commits to another TSK"
            ),
        ] {
            try change.folder.write("new.json", changed)
            let result = try await change.rotate("apply")
            #expect(result.status != 0 && result.errors.contains(reason), "\(reason): \(result.errors)")
        }
        #expect(try await change.policy() == before)
    }
}
