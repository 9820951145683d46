// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// Registries of signers whose keys an attested enclave holds.
struct ExportSignersTests {
    private static func run(_ broker: RunningBroker, _ arguments: [String], input: String = "") async throws
        -> Tool.Result
    {
        try await Programs.run(
            ["keybroker", "audit"] + arguments,
            environment: broker.clientEnvironment,
            input: Array(input.utf8)
        )
    }

    private static let event = #"{"actor_id": "a", "event_type": "t", "payload": {"n": 1}}"#

    @Test func `a registry is written from attestations, and a chain verifies under it and them`() async throws {
        let broker = try await RunningBroker()
        let folder = broker.folder
        let expected = [
            "--root", folder.file("module/root.pem"), "--binary", Programs.path("keybroker-enclave"), "--config",
            folder.file("enclave.json"),
        ]
        let registry = folder.file("signers.json")
        let exported = try await Self.run(
            broker,
            [
                "export-signers", "--key", "alias/audit-ed25519", "--kid", "ed", "--key", "alias/audit-p256", "--kid",
                "p256", "-o", registry,
            ]
                + expected
        )
        #expect(exported.status == 0, "\(exported.errors)")
        #expect(
            exported.errors.contains("ed: attested, made offline")
                && exported.errors.contains("p256: attested, imported")
        )
        #expect(try JSONSchema("signers").faults(in: try folder.bytes("signers.json")) == [])

        let chain = folder.file("chain.jsonl")
        let signed = try await Self.run(
            broker,
            ["sign", "--profile", "jcs", "--key", "alias/audit-ed25519", "--kid", "ed", "-o", chain],
            input: Array(repeating: Self.event, count: 20).joined(separator: "\n")
        )
        #expect(signed.status == 0, "\(signed.errors)")
        let verify = ["verify", "--profile", "jcs", "-s", registry, "--require-attested", "--json", chain]
        let accepted = try await Self.run(broker, verify + expected)
        #expect(accepted.status == 0, "\(accepted.text)\(accepted.errors)")
        #expect(try JSONSchema("audit-verify-output").faults(in: accepted.output) == [])

        // Another configuration is another enclave.
        let other = try folder.write("other.json", folder.read("enclave.json").replacing("\"test\"", with: "\"best\""))
        let stranger = try await Self.run(broker, verify + expected.dropLast() + [other])
        #expect(stranger.status == 1 && stranger.text.contains("signer-not-attested"), "\(stranger.text)")

        // A key under the attestation of another one, and one that claims to have been valid before.
        var file = try #require(try JSON.parse(try folder.bytes("signers.json")).object)
        let signers = try #require(file["signers"]?.array).compactMap(\.object)
        for change in [
            ("attestation", signers[1]["attestation"]), ("notBefore", "2020-01-01T00:00:00Z"), ("attestation", nil),
            ("notBefore", nil),
        ] as [(String, JSON?)] {
            var first = signers[0]
            first[change.0] = change.1
            file["signers"] = [.object(first)]
            try folder.write("changed.json", String(decoding: JSON.object(file).serialized(), as: UTF8.self))
            let result = try await Self.run(
                broker,
                [
                    "verify", "--profile", "jcs", "-s", folder.file("changed.json"), "--require-attested", "--json",
                    chain,
                ] + expected
            )
            #expect(result.status == 1 && result.text.contains("signer-not-attested"), "\(change.0)")
        }

        // Goes on with any registry, and gives no second key an id.
        let map = try folder.write("map.json", #"{"old": "ebnimXRlkJe2N5bJAS4hiHyvL2xWKVm4LQNATj4L9OE="}"#)
        let merged = try await Self.run(
            broker,
            [
                "export-signers", "--key", "alias/audit-ed25519", "--kid", "ed", "--merge", map, "--not-after",
                "2030-01-01T00:00:00Z",
            ] + expected
        )
        #expect(try JSONSchema("signers").faults(in: merged.output) == [], "\(merged.errors)")
        #expect(try JSON.parse(merged.output).object?["signers"]?.array?.count == 2)
        let taken = try await Self.run(
            broker,
            ["export-signers", "--key", "alias/audit-ed25519", "--kid", "old", "--merge", map] + expected
        )
        #expect(taken.status == 1 && taken.output.isEmpty && taken.errors.contains("another key has this id"))

        // Without an enclave to expect there is no registry.
        let blind = try await Self.run(broker, ["export-signers", "--key", "alias/audit-ed25519"])
        #expect(blind.status == 2 && blind.output.isEmpty)
        let lists = try await Self.run(
            broker,
            ["export-signers", "--key", "alias/audit-p256", "--kid", "Team key", "--format", "trusted-keys"] + expected
        )
        #expect(lists.text.hasSuffix(" Team key\n"), "\(lists.errors)")
        for format in ["keys", "minisign"] {
            let list = try await Self.run(
                broker,
                ["export-signers", "--key", "alias/audit-ed25519", "--format", format] + expected
            )
            #expect(list.status == 0 && list.text.contains("RW"), "\(list.errors)")
        }
    }

    @Test func `the example is a registry as the schema says`() throws {
        let file = SharedData.repository.appendingPathComponent("docs/examples/signers.json")
        #expect(try JSONSchema("signers").faults(in: [UInt8](try Data(contentsOf: file))) == [])
    }
}
