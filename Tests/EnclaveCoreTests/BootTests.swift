// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import Foundation
import KMSProtocol
import KeyService
import Keyring
import NIOCore
import NIOHTTP1
import NIOPosix
import NitroAttestation
import SecurityModule
import SigV4
import SoftwareModule
import Synchronization
import TestSupport
import Testing
import Transport

/// One at a time: each boot costs RSA keys.
@Suite(.serialized) struct BootTests {
    static func failure(_ rig: Rig) -> TerminalFailure? {
        if case .failed(let failed) = rig.enclave.currentState { failed.failure } else { nil }
    }

    @Test func `unlocks, and signs what verifies under the keyring's public key`() async throws {
        try await Rig.run { rig in
            try await rig.waitForState("unlocked")
            let message = Array("an audit digest".utf8)
            let answer = try await rig.call(
                "TrentService.Sign",
                ["KeyId": "alias/ed", "Message": .blob(message), "SigningAlgorithm": "ED25519_SHA_512"]
            )
            #expect(answer.status == 200)
            let signature = try #require(answer.output.blob("Signature"))
            let key = try PublicKey(spki: try #require(rig.workshop.contents.keys[0].spki))
            #expect(key.verify(signature, message: message, scheme: .ed25519))
        }
    }

    @Test func `asks KMS with the configured key, ciphertext and context, and one fresh RSA-2048 key`() async throws {
        try await Rig.run { rig in
            try await rig.waitForState("unlocked")
            let call = try #require(rig.host.calls.first)
            #expect(rig.host.calls.count == 1)
            #expect(call.target == "TrentService.Decrypt")
            #expect(call.input["KeyId"]?.string == Workshop.kmsKeyARN)
            #expect(call.input.blob("CiphertextBlob") == Array("wrapped".utf8))
            #expect(
                call.input["EncryptionContext"]
                    == .object(
                        JSONObject([
                            ("keybroker:broker", "audit"), ("keybroker:keyring", "ring"), ("keybroker:purpose", "tsk"),
                        ])
                    )
            )
            #expect(call.input["Recipient"]?.object?["KeyEncryptionAlgorithm"]?.string == "RSAES_OAEP_SHA_256")
            #expect(try call.recipient().algorithm == .rsa(bits: 2048))
        }
    }

    @Test func `the unlock document states configuration, keyring id, boot and a nonce`() async throws {
        try await Rig.run { rig in
            try await rig.waitForState("unlocked")
            let claims = try #require(rig.host.calls.first).claims
            let userData = try AttestationUserData(decoding: try #require(claims.userData))
            #expect(userData.purpose == .unlock)
            #expect(userData.brokerID == "audit")
            #expect(userData.configurationDigest == Hash.digest(.sha384, rig.workshop.configuration.json))
            #expect(userData.keyringID == "ring")
            #expect(userData.keyringVersion == nil)
            #expect(userData.channel == "relay")
            #expect(claims.nonce?.count == 32)
            let zeros = [UInt8](repeating: 0, count: 48)
            let digest = Hash.digest(.sha384, rig.workshop.configuration.json)
            #expect(claims.pcrs[16] == Hash.digest(.sha384, zeros, digest))
            #expect(claims.pcrs[0] == Rig.measurements.pcr0)
        }
    }

    @Test func `sends no context when the configuration has none`() async throws {
        var workshop = try Workshop()
        workshop.configuration.tsk.encryptionContext = [:]
        try await Rig.run(workshop) { rig in
            try await rig.waitForState("unlocked")
            #expect(try #require(rig.host.calls.first).input["EncryptionContext"] == nil)
        }
    }

    @Test func `two boots have different ids and keys`() async throws {
        let workshop = try Workshop()
        let (first, second) = (try await Rig(workshop), try await Rig(workshop))
        try await first.waitForState("unlocked")
        try await second.waitForState("unlocked")
        let claims = [first, second].compactMap { $0.host.calls.first?.claims }
        await first.stop()
        await second.stop()
        try #require(claims.count == 2)
        let ids = try claims.map { try AttestationUserData(decoding: $0.userData ?? []).bootID }
        #expect(ids[0] != ids[1])
        #expect(claims[0].publicKey != claims[1].publicKey)
        #expect(claims[0].nonce != claims[1].nonce)
    }

    // MARK: What is worth another try

    @Test(arguments: [
        ("AccessDeniedException", 400), ("ThrottlingException", 400), ("KMSInternalException", 500),
        ("ExpiredTokenException", 400), ("NotFoundException", 400),
    ])
    func `an error of KMS is tried again with a new key and a new document`(name: String, status: Int) async throws {
        try await Rig.run { workshop, state in
            let refusal: FakeHost.KMS = { _ in
                FakeHost.error(name, "not now", status: .init(statusCode: status))
            }
            state.kms = [refusal, refusal, FakeHost.releasing(workshop.tsk)]
        } _: { rig in
            try await rig.waitForState("unlocked")
            let calls = rig.host.calls
            #expect(calls.count == 3)
            #expect(Set(calls.map(\.claims.publicKey)).count == 3)
            #expect(Set(calls.map(\.document)).count == 3)
            let line = try #require(rig.lines.all.first { $0.contains("KMS Decrypt failed - \(name): not now") })
            let claims = calls[0].claims
            #expect(line.contains(Hex.encode(claims.pcrs[0] ?? [])))
            #expect(line.contains(Hex.encode(claims.pcrs[16] ?? [])))
        }
    }

    @Test func `an answer without an envelope is tried again, and a plaintext in it is not used`() async throws {
        try await Rig.run { workshop, state in
            let plain: FakeHost.KMS = { _ in FakeHost.json([("Plaintext", .blob(workshop.tsk))]) }
            state.kms = [plain]
        } _: { rig in
            try await rig.wait("two tries") { $0.host.calls.count >= 2 }
            #expect(rig.enclave.currentState.name == "configured")
            try await rig.expectNoSignature()
        }
    }

    @Test func `a keyring that is stored later is fetched then`() async throws {
        let workshop = try Workshop()
        try await Rig.run(workshop) {
            $1.keyring = nil
        } _: { rig in
            try await rig.waitForState("configured")
            try await rig.expectNoSignature()
            #expect(rig.host.calls.isEmpty)
            let sealed = try workshop.sealed().bytes
            rig.host.state.withLock { $0.keyring = sealed }
            try await rig.waitForState("unlocked")
        }
    }

    @Test func `a configuration that comes later is waited for`() async throws {
        let workshop = try Workshop()
        try await Rig.run(workshop) {
            $1.configuration = nil
        } _: { rig in
            #expect(rig.enclave.currentState.name == "started")
            try await rig.expectNoSignature()
            rig.host.state.withLock { $0.configuration = workshop.configuration.json }
            try await rig.waitForState("unlocked")
        }
    }

    @Test func `log lines go to the relay, and to standard error only what it does not take`() async throws {
        let unlocked = #""message":"unlocked""#
        try await Rig.run { rig in
            try await rig.wait("a line") { $0.host.log.contains { $0.contains(unlocked) } }
            #expect(rig.unsent.all.isEmpty)
        }
        try await Rig.run {
            $1.takesLog = false
        } _: { rig in
            try await rig.wait("a line") { $0.unsent.all.contains { $0.contains(unlocked) } }
            #expect(rig.unsent.all == Array(rig.lines.all.prefix(rig.unsent.all.count)))
        }
    }
}
