// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker rotate` of a signing key, on a whole installation.
@Suite(.serialized, .sharedBroker(specification: KeyRotation.specification)) struct RotateKeyTests {
    @Test func `what was signed before, during and after a rotation verifies under the registry of its end`()
        async throws
    {
        let rotation = try await KeyRotation(SharedBroker.current, "whole")
        let old = try await rotation.target()
        try await rotation.sign("before")
        let begun = try await rotation.report("apply", ["--until", "publish"])
        #expect(begun["state"] == "stopped" && begun["next"] == "overlap")
        try await rotation.sign("while verifiers have both")
        let ended = try await rotation.report("apply")
        #expect(ended["state"] == "finished")
        try await rotation.sign("after")

        let new = try await rotation.target()
        #expect(new != old)
        let verified = try await rotation.verify()
        #expect(verified.status == 0, "\(verified.text)\(verified.errors)")
        let signers = try #require(try JSON.parse(verified.output).object?["signers"]?.object)
        #expect(signers[old] == 2 && signers[new] == 1)

        // The old key is there, signs nothing, and its signer ends.
        let keys = try await rotation.keys()
        #expect(keys.first { $0["Arn"]?.string == old }?["KeyState"] == "Disabled")
        let refused = try await rotation.run(["key", "sign", old, "--digest", String(repeating: "00", count: 32)])
        #expect(refused.status == 1 && refused.errors.contains("DisabledException"))
        let entries = try rotation.signers()
        #expect(entries.first { $0["signerId"]?.string == old }?["notAfter"] != nil)
        #expect(entries.first { $0["signerId"]?.string == new }?["notAfter"] == nil)

        // Done is done: the same command makes no second rotation.
        #expect(try await rotation.report("apply")["state"] == "finished")
        #expect(try await rotation.target() == new)
    }

    @Test func `a run that ends within any step is gone on with to the same end`() async throws {
        let rotation = try await KeyRotation(SharedBroker.current, "broken")
        let old = try await rotation.target()
        let keysBefore = try await rotation.keys().count
        var first = ""
        for step in KeyRotation.steps {
            // Goes on within the step before, of which nobody wrote that it was done.
            let before = try? rotation.journal()["facts"]?.object?["registry"]
            _ = try await rotation.report("apply", ["--until", step])
            if step == "create" { first = try rotation.fact("newKey") }
            try rotation.interrupt(step, registry: before)
            guard step == "create" else { continue }
            // A request that was carried out twice, the first time unheard.
            let tags = [try #require(try rotation.journal()["rotation"]?.string), String(old.suffix(36))]
            let second = try await rotation.run([
                "key", "create", "--spec", "ECC_NIST_EDWARDS25519", "--tag", "keybroker:rotation=\(tags[0])", "--tag",
                "keybroker:follows=\(tags[1])",
            ])
            #expect(second.status == 0, "\(second.errors)")
        }
        #expect(try await rotation.report("apply")["state"] == "finished")
        let new = try rotation.fact("newKey")
        #expect(try await rotation.target() == new)
        #expect(new == first)
        #expect(try rotation.journal()["steps"]?.array?.count == KeyRotation.steps.count)
        // One signer more, and of the keys the first; the second is said to be spare.
        let keys = try await rotation.keys()
        #expect(keys.count == keysBefore + 2)
        let detail = try rotation.journal()["steps"]?.array?.first?.object?["detail"]?.string
        #expect(detail?.contains("was made twice over") == true)
        #expect(keys.first { $0["Arn"]?.string == old }?["KeyState"] == "Disabled")
        #expect(Set(try rotation.signers().compactMap { $0["signerId"]?.string }) == [old, new])
        try await rotation.sign("after")
        #expect(try await rotation.verify().status == 0)
    }

    @Test func `a step that is not due says when, changes nothing, and is done then`() async throws {
        let rotation = try await KeyRotation(SharedBroker.current, "waiting")
        let old = try await rotation.target()
        for step in ["switch", "disable"] {
            let waiting = try await rotation.report("apply", waits: [])
            #expect(waiting["state"] == "waiting" && waiting["next"]?.string == step)
            #expect(waiting["notBefore"] != nil)
            #expect((try await rotation.target() == old) == (step == "switch"))
            // Half a year later.
            var journal = try rotation.journal()
            let moved = (journal["steps"]?.array ?? []).map { value -> JSON in
                var entry = value.object
                if entry?["finished"] != nil { entry?["finished"] = "2026-01-01T00:00:00Z" }
                return entry.map { .object($0) } ?? value
            }
            journal["steps"] = .array(moved)
            try rotation.write(journal)
        }
        #expect(try await rotation.report("apply", waits: [])["state"] == "finished")
    }

    @Test func `what somebody else changed meanwhile is refused by name, and stays`() async throws {
        let rotation = try await KeyRotation(SharedBroker.current, "changed")
        let old = try await rotation.target()
        _ = try await rotation.report("apply", ["--until", "publish"])
        let registry = try RunningBroker.bytes(rotation.registry)
        let text = String(decoding: registry, as: UTF8.self)
        let new = try rotation.fact("newKey")

        func refused(_ reason: String, _ arguments: [String] = [], waits: [String]? = nil) async throws {
            let before = try RunningBroker.bytes(rotation.registry)
            let target = try await rotation.target()
            let result =
                if let waits { try await rotation.rotate("apply", arguments, waits: waits) } else {
                    try await rotation.rotate("apply", arguments)
                }
            #expect(result.status != 0 && result.errors.contains(reason), "\(reason): \(result.errors)\(result.text)")
            #expect(try RunningBroker.bytes(rotation.registry) == before, "\(reason)")
            #expect(try await rotation.target() == target, "\(reason)")
        }
        // The registry.
        try RunningBroker.write(
            Array(text.replacing("\"notBefore\": \"", with: "\"notBefore\": \"1").utf8),
            rotation.registry
        )
        try await refused("must be a time")
        for (changed, reason) in [
            (text.replacing("\"algorithm\": \"ed25519\"", with: "\"description\": \"mine\""), "was changed since"),
            (#"{"signers": []}"#, "is gone since"),
        ] {
            try RunningBroker.write(Array(changed.utf8), rotation.registry)
            try await refused(reason)
        }
        try RunningBroker.write(registry, rotation.registry)
        // The plan, and a second rotation of the same key.
        try await refused("another plan (disableAfterSeconds is 0 there)", waits: ["--overlap", "0s"])
        try await refused("was made by another rotation", ["--state", rotation.broker.folder.file("second.json")])
        // Another run.
        let lock = unsafe open("\(rotation.journalPath).lock", O_RDWR)
        #expect(flock(lock, LOCK_EX) == 0)
        try await refused("another run of keybroker rotate has it")
        close(lock)
        // The new key.
        #expect(try await rotation.run(["key", "disable", new]).status == 0)
        try await refused("DisabledException")
        #expect(try await rotation.run(["key", "enable", new]).status == 0)
        // The alias.
        #expect(try await rotation.run(["key", "alias", "update", rotation.alias, "alias/rehearsed"]).status == 0)
        try await refused("somebody moved it")
        #expect(try await rotation.run(["key", "alias", "update", rotation.alias, old]).status == 0)
        // What others add is theirs.
        let other = #"{"signerId": "other", "publicKey": "ebnimXRlkJe2N5bJAS4hiHyvL2xWKVm4LQNATj4L9OE="}, "#
        let added = text.replacing("\"signers\": [", with: "\"signers\": [\(other)")
        try RunningBroker.write(Array(added.utf8), rotation.registry)
        #expect(try await rotation.report("apply")["state"] == "finished")
        #expect(try rotation.signers().count == 3)
    }

    @Test func `a principal that could not sign with the new key stops the rotation before anything is changed`()
        async throws
    {
        let broker = try SharedBroker.current
        let rotation = try await KeyRotation(broker, "narrow")
        let old = try await rotation.target()
        let policy =
            #"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:Sign","Resource":"\#(old)"}}"#
        let file = try broker.folder.write("narrow-policy.json", policy)
        #expect(try await rotation.run(["principal", "policy", "put", "narrow", "--policy", file]).status == 0)
        let before = try await rotation.keys().count
        let result = try await rotation.rotate("apply")
        #expect(result.status == 1 && result.errors.contains("user/narrow"), "\(result.errors)")
        #expect(try await rotation.keys().count == before)

        let general = policy.replacing(
            #""Resource":"\#(old)""#,
            with: #""Resource":"*","Condition":{"StringEquals":{"kms:RequestAlias":"alias/narrow"}}"#
        )
        try broker.folder.write("narrow-policy.json", general)
        #expect(try await rotation.run(["principal", "policy", "put", "narrow", "--policy", file]).status == 0)
        #expect(try await rotation.report("apply", ["--until", "create"])["state"] == "stopped")
    }

    @Test func `plan and rehearsal change nothing, and a rehearsal names what stands in the way`() async throws {
        let broker = try SharedBroker.current
        let rotation = try await KeyRotation(broker, "rehearsed")
        let registry = try RunningBroker.bytes(rotation.registry)
        let keyrings = try FileManager.default.contentsOfDirectory(atPath: broker.folder.file("state"))
        let plan = try await rotation.report("plan")
        #expect(plan["steps"]?.array?.compactMap { $0.object?["step"]?.string } == KeyRotation.steps)
        let rehearsal = try await rotation.report("rehearse")
        #expect(rehearsal["ready"] == true)
        #expect((rehearsal["checks"]?.array ?? []).allSatisfy { $0.object?["status"] == "ok" })

        func obstacles(_ arguments: [String]) async throws -> [String] {
            let result = try await rotation.rotate("rehearse", arguments + ["--json"])
            #expect(result.status == 1)
            #expect(try JSONSchema("rotation-output").faults(in: result.output) == [])
            let checks = try #require(try JSON.parse(result.output).object?["checks"]?.array).compactMap(\.object)
            return checks.filter { $0["status"] == "failed" }.compactMap { $0["message"]?.string }
        }
        let clerk = try await obstacles(["--aws-profile", "clerk"])
        #expect(clerk.count == 1 && clerk[0].contains("kms:CreateKey on *") && clerk[0].contains("kms:UpdateAlias"))
        #expect(!clerk[0].contains("kms:Sign"))
        try RunningBroker.write(Array(#"{"signers": []}"#.utf8), rotation.registry)
        #expect(
            try await obstacles([]) == [
                "the registry does not have the key of alias/rehearsed: keybroker audit export-signers --merge"
            ]
        )
        try RunningBroker.write(registry, rotation.registry)

        #expect(
            try FileManager.default.contentsOfDirectory(atPath: broker.folder.file("state")).count == keyrings.count
        )
        #expect(!FileManager.default.fileExists(atPath: rotation.journalPath))
    }
}
