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

/// What a host can forge, and that it gets no signature for it.
/// One at a time: each boot costs RSA keys.
@Suite(.serialized) struct HostileHostTests {
    typealias Tamper = @Sendable (Workshop, inout FakeHost.State) throws -> Void

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var code: TerminalFailure.Code
        var tamper: Tamper
    }

    static let cases: [Case] = [
        Case(testDescription: "a TSK that the host knows, with a keyring sealed under it", code: .tsk) {
            let known = [UInt8](repeating: 0x42, count: 32)
            $1.kms = [FakeHost.releasing(known)]
            $1.keyring = try $0.sealed(under: known).bytes
        },
        Case(testDescription: "a TSK that differs in one bit", code: .tsk) {
            var other = $0.tsk
            other[31] ^= 1
            $1.kms = [FakeHost.releasing(other)]
        },
        Case(testDescription: "a TSK that is one byte short", code: .tsk) {
            $1.kms = [FakeHost.releasing(Array($0.tsk.dropLast()))]
        },
        Case(testDescription: "an envelope to another key", code: .tsk) { workshop, state in
            state.kms = [
                { _ in
                    let other = try PrivateKey.generate(.rsa(bits: 2048)).publicKey
                    let envelope = try CMSEnvelopedData.seal(
                        try Workshop.secret(workshop.tsk),
                        to: other,
                        random: SecureRandom.bytes
                    )
                    return FakeHost.json([("CiphertextForRecipient", .blob(envelope))])
                }
            ]
        },
        Case(testDescription: "an envelope with one bit of its ciphertext flipped", code: .tsk) { workshop, state in
            state.kms = [
                { call in
                    var envelope = try CMSEnvelopedData.seal(
                        try Workshop.secret(workshop.tsk),
                        to: try call.recipient(),
                        random: SecureRandom.bytes
                    )
                    envelope[envelope.count - 40] ^= 1
                    return FakeHost.json([("CiphertextForRecipient", .blob(envelope))])
                }
            ]
        },
        Case(testDescription: "an envelope that is none", code: .tsk) { _, state in
            state.kms = [{ _ in FakeHost.json([("CiphertextForRecipient", "AAAA")]) }]
        },
        Case(testDescription: "another keyring's id", code: .keyringID) {
            $1.keyring = try $0.sealed(id: "other").bytes
        },
        Case(testDescription: "a keyring sealed under another TSK", code: .keyringSeal) {
            $1.keyring = try $0.sealed(under: [UInt8](repeating: 0x42, count: 32)).bytes
        },
        Case(testDescription: "a keyring with one bit flipped in its ciphertext", code: .keyringSeal) {
            var bytes = try $0.sealed().bytes
            bytes[bytes.count - 1] ^= 1
            $1.keyring = bytes
        },
        Case(testDescription: "a keyring that is none", code: .keyringMalformed) { $1.keyring = [0x00] },
        Case(testDescription: "an empty keyring", code: .keyringMalformed) { $1.keyring = [] },
        Case(testDescription: "a configuration that is none", code: .configuration) { $1.configuration = [0x7B] },
        Case(testDescription: "a configuration with an unknown member", code: .configuration) {
            let text = String(decoding: $0.configuration.json, as: UTF8.self)
            $1.configuration = Array("{\"debug\": true,".utf8) + Array(text.utf8.dropFirst())
        },
        Case(testDescription: "a configuration longer than allowed", code: .configuration) {
            $1.configuration = $0.configuration.json + [UInt8](repeating: 0x20, count: 65_536)
        },
        Case(testDescription: "a configuration that commits to another TSK", code: .tsk) {
            var configuration = $0.configuration
            configuration.tsk.commitment[0] ^= 1
            $1.configuration = configuration.json
        },
    ]

    @Test(arguments: cases)
    func `a forging host gets a failed enclave and no signature`(forgery: Case) async throws {
        try await Rig.run {
            try forgery.tamper($0, &$1)
        } _: { rig in
            try await rig.waitForState("failed")
            #expect(BootTests.failure(rig)?.code == forgery.code)
            try await rig.expectNoSignature()
            let health = try await rig.get("/health")
            #expect(health.status == .serviceUnavailable)
            let body = try JSON.parse(Array(health.body.readableBytesView))
            #expect(body.object?["state"]?.string == "failed")
            #expect(try await rig.get("/attestation?nonce=\(String(repeating: "ab", count: 16))").status.code == 503)
        }
    }

    @Test func `every envelope that is not accepted fails with the same words`() async throws {
        var details: Set<String> = []
        for forgery in Self.cases where forgery.code == .tsk {
            try await Rig.run {
                try forgery.tamper($0, &$1)
            } _: { rig in
                try await rig.waitForState("failed")
                details.insert(try #require(BootTests.failure(rig)).detail)
            }
        }
        #expect(details.count == 1)
    }

    @Test func `failed is final: a host that turns honest gets nothing`() async throws {
        let workshop = try Workshop()
        try await Rig.run(workshop) {
            $1.kms = [FakeHost.releasing([UInt8](repeating: 1, count: 32))]
        } _: { rig in
            try await rig.waitForState("failed")
            rig.host.state.withLock { $0.kms = [FakeHost.releasing(workshop.tsk)] }
            try await Task.sleep(for: .milliseconds(200))
            #expect(rig.enclave.currentState.name == "failed")
            #expect(rig.host.calls.count == 1)
        }
    }

    @Test func `a keyring below the floor is refused, at the floor and above it opened`() async throws {
        var workshop = try Workshop()
        workshop.configuration.minimumKeyringVersion = 3
        for (version, state) in [(UInt64(2), "failed"), (3, "unlocked"), (4, "unlocked")] {
            try await Rig.run(workshop) {
                $1.keyring = try $0.sealed(version: version).bytes
            } _: { rig in
                try await rig.waitForState(state)
                if state == "failed" { #expect(BootTests.failure(rig)?.code == .keyringVersion) }
            }
        }
    }

    @Test func `a changed configuration shows in PCR16 before KMS is asked for anything`() async throws {
        var workshop = try Workshop()
        let honest = Hash.digest(
            .sha384,
            [UInt8](repeating: 0, count: 48),
            Hash.digest(.sha384, workshop.configuration.json)
        )
        workshop.configuration.hosts.append("attacker.test")
        try await Rig.run(workshop) { rig in
            try await rig.waitForState("unlocked")
            let pcr16 = try #require(rig.host.calls.first).claims.pcrs[16]
            #expect(pcr16 != nil)
            #expect(pcr16 != honest)
        }
    }

    @Test func `white space in the configuration is measured too`() async throws {
        let workshop = try Workshop()
        let bytes = workshop.configuration.json + [0x0A]
        try await Rig.run(workshop) {
            $1.configuration = bytes
        } _: { rig in
            try await rig.waitForState("unlocked")
            let pcr16 = try #require(rig.host.calls.first).claims.pcrs[16]
            #expect(
                pcr16 == Hash.digest(.sha384, [UInt8](repeating: 0, count: 48), Hash.digest(.sha384, bytes))
            )
        }
    }

    @Test func `another key id in KMS's answer is a warning and no more`() async throws {
        try await Rig.run {
            $1.kms = [FakeHost.releasing($0.tsk, keyARN: "arn:aws:kms:us-east-1:999999999999:key/x")]
        } _: { rig in
            try await rig.waitForState("unlocked")
            #expect(rig.lines.all.contains { $0.contains("KMS names another key") })
        }
    }

    @Test func `a debug-mode enclave is refused unless the module is the software one`() async throws {
        let zeros = [UInt8](repeating: 0, count: 48)
        for register in 0..<3 {
            var measurements = Rig.measurements
            switch register {
            case 0: measurements.pcr0 = zeros
            case 1: measurements.pcr1 = zeros
            default: measurements.pcr2 = zeros
            }
            let rig = try await Rig(measurements: measurements, isSimulatedModule: false)
            try await rig.waitForState("failed")
            #expect(BootTests.failure(rig)?.code == .debugMode)
            #expect(rig.host.calls.isEmpty)
            await rig.stop()
            let allowed = try await Rig(measurements: measurements, isSimulatedModule: true)
            try await allowed.wait("a call") {
                !$0.host.calls.isEmpty || $0.host.state.withLock { $0.badDocuments > 0 }
            }
            await allowed.stop()
        }
    }

    @Test func `neither the TSK nor a secret is in any log line`() async throws {
        try await Rig.run { rig in
            try await rig.waitForState("unlocked")
            _ = try await rig.call("KeyBroker.GetStatus", [:])
            let text = rig.lines.all.joined() + rig.host.log.joined()
            #expect(!text.isEmpty)
            var needles = [Hex.encode(rig.workshop.tsk), Base64.encode(rig.workshop.tsk)]
            for principal in rig.workshop.contents.principals {
                needles.append(
                    principal.secret.bytes.withBytes { span in
                        unsafe span.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
                    }
                )
            }
            for needle in needles { #expect(!text.contains(needle)) }
        }
    }
}
