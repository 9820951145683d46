// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker keyring backup --endpoint`: the running enclave says whether the host's file is what it serves.
@Suite(.serialized)
struct BackupVerificationTests {
    private func backup(_ broker: RunningBroker, to name: String, _ source: [String]? = nil) async throws -> Tool.Result
    {
        try await Programs.run(
            [
                "keybroker", "keyring", "backup", "-o", broker.folder.file(name), "--endpoint", broker.url, "--root",
                broker.folder.file("module/root.pem"), "--binary", Programs.path("keybroker-enclave"),
            ] + (source ?? ["--host", broker.folder.file("host.json")]),
            environment: broker.clientEnvironment
        )
    }

    private func sealedBytes(_ broker: RunningBroker, _ name: String) throws -> String? {
        let manifest = try JSON.parse(try RunningBroker.bytes(broker.folder.file("\(name)/manifest.json")))
        return manifest.object?["attested"]?.object?["sealedBytes"]?.string
    }

    @Test func `over attested TLS the very bytes are verified, and other bytes of that version refused`() async throws {
        let broker = try await RunningBroker(tls: true)
        let verified = try await backup(broker, to: "backup")
        #expect(verified.status == 0, "\(verified.errors)")
        #expect(verified.text.contains("verified: the enclave serves this version, and these bytes"))
        #expect(try sealedBytes(broker, "backup") == "attested-tls")
        let document = try await Programs.run([
            "keybroker", "verify", broker.folder.file("backup/attestation.cbor"), "--root",
            broker.folder.file("module/root.pem"),
        ])
        #expect(document.status == 0, "\(document.text)")

        // The relay hands out the same.
        let relay = ["--relay", "unix://" + broker.folder.file("relay.sock")]
        #expect(try await backup(broker, to: "relayed", relay).status == 0)
        #expect(
            try RunningBroker.bytes(broker.folder.file("relayed/keyring.cose"))
                == RunningBroker.bytes(broker.folder.file("backup/keyring.cose"))
        )

        // A host that swaps the ciphertext under the same header.
        let state = broker.folder.file("state")
        let newest = try RunningBroker.require(
            try FileManager.default.contentsOfDirectory(atPath: state).filter { $0.hasSuffix(".cose") }.max()
        )
        var bytes = try RunningBroker.bytes("\(state)/\(newest)")
        bytes[bytes.count - 1] ^= 1
        try RunningBroker.write(bytes, "\(state)/\(newest)")
        let forged = try await backup(broker, to: "forged")
        #expect(forged.status == 1)
        #expect(forged.errors.contains("the enclave serves other bytes"))
        #expect(!FileManager.default.fileExists(atPath: broker.folder.file("forged")))
    }

    @Test func `over plain HTTP it says that the host can forge the comparison`() async throws {
        let broker = try await RunningBroker()
        let result = try await backup(broker, to: "backup")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.text.contains("the host can forge the answer"))
        #expect(try sealedBytes(broker, "backup") == "plain-http")
    }

    @Test func `an enclave with another image, or under another configuration, verifies nothing`() async throws {
        let broker = try await RunningBroker()
        let other = broker.folder.file("other.json")
        var configuration = try RunningBroker.bytes(broker.folder.file("enclave.json"))
        configuration.append(0x20)
        try RunningBroker.write(configuration, other)
        let result = try await backup(
            broker,
            to: "backup",
            ["--state", broker.folder.file("state"), "--config", other]
        )
        #expect(result.status == 1)
        #expect(result.errors.contains("attestation rejected"))
        #expect(!FileManager.default.fileExists(atPath: broker.folder.file("backup")))
    }
}
