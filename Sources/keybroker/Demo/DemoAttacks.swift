// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import KMSProtocol
import SigV4
import SoftwareModule
import Transport

/// What a hostile host and a client without the secret try. Every attack must end with an error and no signature.
@MainActor
struct DemoAttacks {
    let demo: Demo
    let world: DemoWorld
    let sealed: DemoKeyring

    func run(against broker: DemoBroker) async throws {
        let steps = demo.steps
        try await steps.refused("policy with another PCR0") {
            try await refusedUnlock(
                "pcr0",
                pcr0: changed(world.measurements.pcr0),
                pcr16: sealed.pcr16
            )
        }
        try await steps.refused("policy with another PCR16") {
            try await refusedUnlock(
                "pcr16",
                pcr0: world.measurements.pcr0,
                pcr16: changed(sealed.pcr16)
            )
        }
        // From here on the policy is the right one again.
        try await demo.putPolicy(
            world: world,
            sealed: sealed,
            pcr0: world.measurements.pcr0,
            pcr16: sealed.pcr16
        )
        try await steps.refused("tampered configuration") { try await tamperedConfiguration() }
        try await steps.refused("forged CiphertextForRecipient") { try await forgedAnswer() }
        try await steps.refused("client with a wrong secret") { try await wrongSecret(broker) }
    }

    /// An enclave that starts while the key policy names other measurements.
    private func refusedUnlock(_ name: String, pcr0: [UInt8], pcr16: [UInt8]) async throws -> String? {
        try await demo.putPolicy(world: world, sealed: sealed, pcr0: pcr0, pcr16: pcr16)
        let broker = try await demo.launch(name, sealed: sealed, in: world)
        return try await refusal(of: broker, log: "KMS Decrypt failed - ")
    }

    /// A host that lets the enclave accept another Host name: another configuration, so another PCR16.
    private func tamperedConfiguration() async throws -> String? {
        var text = String(decoding: sealed.configuration, as: UTF8.self)
        text = text.replacing("\"localhost\"", with: "\"attacker.example\"")
        let file = demo.folder.file("tampered.json")
        try InputFile.write(Array(text.utf8), to: file)
        let broker = try await demo.launch("tampered", sealed: sealed, in: world, configuration: file)
        return try await refusal(of: broker, log: "KMS Decrypt failed - ")
    }

    /// A host that answers for KMS: it seals a TSK of its own to the attested key, in perfect form.
    private func forgedAnswer() async throws -> String? {
        let forger = try await ForgingKMS.start(keyARN: sealed.kmsKeyARN)
        demo.keep(forger.server)
        let broker = try await demo.launch(
            "forged",
            sealed: sealed,
            in: world,
            kmsURL: forger.server.endpoint.httpURL
        )
        return try await refusal(of: broker, log: "failed until restart: ")
    }

    private func wrongSecret(_ broker: DemoBroker) async throws -> String? {
        let client = KMSClient(
            endpoint: broker.url,
            region: Demo.region,
            credentials: try AWSCredentials(
                accessKeyID: sealed.administrator.accessKeyID,
                secret: "not the secret of this principal"
            ),
            transport: demo.trustedWeb,
            clock: SystemClock.now
        )
        return await signError(client)
    }

    /// The logged reason why a broker does not unlock; nil if it signs all the same.
    private func refusal(of broker: DemoBroker, log marker: String) async throws -> String? {
        defer { broker.stop() }
        let reason = try await broker.waitForLog(marker)
        // Locked as it is, the enclave answers in clear.
        guard let state = await broker.state(), state != "unlocked",
            await signError(try demo.administratorClient(broker.clearURL, sealed)) != nil
        else { return nil }
        return reason
    }

    /// The error of a Sign request; nil if there is a signature.
    private func signError(_ client: KMSClient) async -> String? {
        guard let key = sealed.keys.first else { return nil }
        do {
            _ = try await client.call(
                "TrentService.Sign",
                [
                    "KeyId": .string(key.id), "Message": .string(Base64.encode(Array("forged event".utf8))),
                    "SigningAlgorithm": "ED25519_SHA_512",
                ]
            )
            return nil
        } catch {
            return error.line
        }
    }

    private func changed(_ measurement: [UInt8]) -> [UInt8] {
        measurement.enumerated().map { $0.offset == 0 ? $0.element ^ 1 : $0.element }
    }
}
