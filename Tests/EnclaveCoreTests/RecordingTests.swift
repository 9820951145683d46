// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import Foundation
import KMSProtocol
import KeyService
import Keyring
import NIOHTTP1
import NIOPosix
import NitroAttestation
import SecurityModule
import SoftwareModule
import Synchronization
import TestSupport
import Testing
import Transport

/// Real boots, recorded, and gone through again.
/// One at a time: each boot costs RSA keys.
@Suite(.serialized) struct RecordingTests {
    /// What a recorder hands over.
    final class Recordings: Sendable {
        private let recordings = Mutex<[UnlockRecording]>([])

        var recorder: UnlockRecorder {
            UnlockRecorder(producer: "test") { [self] _, _, recording in recordings.withLock { $0.append(recording) } }
        }

        var all: [UnlockRecording] { recordings.withLock { $0 } }
    }

    /// Boots under a host that `tamper` has changed, until there are `count` recordings.
    private func record(
        _ count: Int = 1,
        workshop: Workshop? = nil,
        tamper: (Workshop, inout FakeHost.State) throws -> Void = { _, _ in },
        meanwhile: (Rig) async throws -> Void = { _ in }
    ) async throws -> [UnlockRecording] {
        let recordings = Recordings()
        let rig = try await Rig(workshop, tap: recordings.recorder.tap, tamper: tamper)
        try await meanwhile(rig)
        try await rig.wait("\(count) recordings") { _ in recordings.all.count >= count }
        await rig.stop()
        return recordings.all
    }

    private func recordedUnlock() async throws -> UnlockRecording {
        try #require(try await record().first)
    }

    @Test func `an unlock replays to the same keyring and the same public keys`() async throws {
        let workshop = try Workshop()
        let recording = try #require(try await record(workshop: workshop).first)
        #expect(recording.outcome.state == "unlocked")
        let report = await UnlockReplay.run(recording)
        #expect(report.divergence == nil)
        #expect(report.outcome == recording.outcome)
        let keyring = try #require(report.outcome.keyring)
        #expect(keyring.id == Workshop.keyringID)
        #expect(keyring.digest.count == 48)
        #expect(keyring.publicKeys.map(\.spki) == workshop.contents.keys.compactMap(\.spki))
        #expect(report.log.contains { $0.contains(#""message":"unlocked""#) })
    }

    @Test(arguments: HostileHostTests.cases)
    func `a forged boot replays to the same failure`(forgery: HostileHostTests.Case) async throws {
        let recording = try #require(try await record(tamper: forgery.tamper).first)
        #expect(recording.outcome.reason == forgery.code.rawValue)
        let report = await UnlockReplay.run(recording)
        #expect(report.isSame(as: recording.outcome), "\(report.divergence ?? "")")
    }

    @Test func `each try has a recording of its own, with its own key and document`() async throws {
        let recordings = try await record(3) { workshop, state in
            state.kms = [
                { _ in FakeHost.error("AccessDeniedException", "no") },
                { _ in FakeHost.error("ThrottlingException", "slowly") },
                FakeHost.releasing(workshop.tsk),
            ]
        }
        #expect(recordings.map(\.outcome.state) == ["configured", "configured", "unlocked"])
        #expect(recordings.map(\.outcome.reason) == ["kms-decrypt-failed", "kms-decrypt-failed", nil])
        #expect(Set(recordings.map(\.unlockKey)).count == 3)
        #expect(Set(recordings.map(\.random.first)).count == 1)
        for recording in recordings {
            #expect(recording.unlockKey != nil)
            let report = await UnlockReplay.run(recording)
            #expect(report.isSame(as: recording.outcome), "\(report.divergence ?? "")")
        }
    }

    @Test func `a host without configuration does not fill the recording`() async throws {
        let workshop = try Workshop()
        let recordings = try await record(
            workshop: workshop,
            tamper: { $1.configuration = nil },
            meanwhile: { rig in
                try await Task.sleep(for: .milliseconds(300))
                rig.host.state.withLock { $0.configuration = workshop.configuration.json }
            }
        )
        let recording = try #require(recordings.first)
        let asked = recording.exchanges.filter { $0.label == "relay GET /config" }
        #expect(asked.count == 1)
        #expect(await UnlockReplay.run(recording).isSame(as: recording.outcome))
    }

    @Test func `what clients ask of the module afterwards is not recorded`() async throws {
        let recordings = Recordings()
        let rig = try await Rig(tap: recordings.recorder.tap)
        try await rig.waitForState("unlocked")
        _ = try await rig.get("/attestation?nonce=\(String(repeating: "ab", count: 16))")
        await rig.stop()
        #expect(recordings.all.count == 1)
        let documents = recordings.all.flatMap(\.exchanges).filter { $0.label == "module Attestation" }
        #expect(documents.count == 1)
    }

    // MARK: A boot that issues its TLS identity

    private func recordedIssue(_ stores: [FakeHost.Store] = []) async throws -> UnlockRecording {
        var workshop = try Workshop()
        workshop.configuration.ingressTLS = true
        return try #require(try await record(workshop: workshop) { _, state in state.stores = stores }.first)
    }

    @Test func `an unlock that issues a TLS identity replays to the same keyring, after writing and reading too`()
        async throws
    {
        let recording = try await recordedIssue()
        #expect(recording.outcome.keyring?.version == 2)
        let report = await UnlockReplay.run(recording)
        #expect(report.isSame(as: recording.outcome), "\(report.divergence ?? "")")
        let files = Dictionary(uniqueKeysWithValues: recording.files().map { ($0.name, $0.contents) })
        #expect(files.keys.contains("stored-keyring.cose"))
        #expect(try UnlockRecording { files[$0] ?? [] } == recording)
    }

    @Test func `a store that was tried twice replays as the one that was answered`() async throws {
        let recording = try await recordedIssue([.storesAndFails])
        let stores = recording.exchanges.filter { $0.label == "relay PUT /keyring" }
        #expect(stores.count == 1)
        let report = await UnlockReplay.run(recording)
        #expect(report.isSame(as: recording.outcome), "\(report.divergence ?? "")")
    }

    @Test func `a TLS identity that is not in the recording, or for other names, diverges there`() async throws {
        let recording = try await recordedIssue()
        var without = recording
        without.tlsIdentity = nil
        #expect(await UnlockReplay.run(without).divergence?.contains("none is in the recording") == true)
        var other = recording
        let key = try PrivateKey(pkcs8: try SecretBytes(copying: try #require(recording.tlsIdentity).key))
        other.tlsIdentity?.certificate = try TLSIdentity.issue(
            TLSIdentity.Request(commonName: "audit", names: [.dnsName("other.test")], key: key, time: Workshop.now()),
            random: SecureRandom.bytes
        ).certificate.der
        #expect(await UnlockReplay.run(other).divergence?.contains("says something else") == true)
    }

    // MARK: Files

    @Test func `a recording is the same after it was written and read`() async throws {
        let recording = try await recordedUnlock()
        let directory = try TemporaryDirectory()
        let path = directory.url.appendingPathComponent("recording").path
        try RecordingFolder.write(recording, to: path)
        #expect(try RecordingFolder.read(path) == recording)
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        #expect(
            names == [
                "attestation-request.cbor", "attestation-response.cbor", "configuration.json", "keyring.cose",
                "kms-answer.json", "kms-request.json", "recording.json", "unlock-key.pk8",
            ]
        )
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(name)")
        }
    }

    @Test func `failures of the module and of the relay survive writing and reading`() throws {
        let exchanges: [UnlockRecording.Exchange] = [
            .module(.init(request: [0x00], answer: .failure(.unavailable(errno: 5)))),
            .module(.init(request: [0x01], answer: .failure(.requestTooLarge))),
            .module(.init(request: [0x02], answer: .failure(.responseTooLarge))),
            .relay(.init(method: "GET", path: "/keyring", answer: .timeout)),
            .relay(.init(method: "GET", path: "/keyring", answer: .malformedResponse)),
            .relay(.init(method: "GET", path: "/keyring", answer: .unreachable("refused"))),
            .relay(.init(method: "GET", path: "/keyring", answer: .response(status: 404, errorType: nil, body: []))),
            .relay(
                .init(
                    method: "POST",
                    path: "/kms",
                    target: "TrentService.Decrypt",
                    body: [1],
                    answer: .response(status: 400, errorType: "X", body: [2])
                )
            ),
        ]
        let recording = UnlockRecording(
            producer: "test",
            isSimulatedModule: false,
            imageConfiguration: [0x7B],
            exchanges: exchanges,
            random: [[1, 2]],
            unlockKey: nil,
            outcome: .init(state: "failed", reason: "security-module", detail: "d", keyring: nil)
        )
        let files = Dictionary(uniqueKeysWithValues: recording.files().map { ($0.name, $0.contents) })
        #expect(try UnlockRecording { files[$0] ?? [] } == recording)
    }

    @Test(arguments: ["../recording.json", "/etc/passwd", ".hidden", "a/b", ""])
    func `a recording names no file outside its folder`(name: String) async throws {
        let recording = try await recordedUnlock()
        var files = Dictionary(uniqueKeysWithValues: recording.files().map { ($0.name, $0.contents) })
        let text = String(decoding: files["recording.json"] ?? [], as: UTF8.self)
        files["recording.json"] = Array(text.replacingOccurrences(of: "unlock-key.pk8", with: name).utf8)
        let changed = files
        var asked: [String] = []
        #expect(throws: SoftwareModuleError.self) {
            _ = try UnlockRecording { file in
                asked.append(file)
                return changed[file] ?? []
            }
        }
        #expect(!asked.contains(name))
    }

    @Test func `the manifest of a recording says that it contains the unlock key`() async throws {
        let files = try await recordedUnlock().files()
        let manifest = try JSON.parse(try #require(files.first { $0.name == "recording.json" }).contents)
        #expect(manifest.object?["warning"]?.string?.contains("contains the unlock key") == true)
    }

    // MARK: The program

    @Test func `the program records into a folder, and warns of it`() async throws {
        let workshop = try Workshop()
        let directory = try TemporaryDirectory()
        let (moduleFolder, recordings) = (directory.url.path + "/module", directory.url.path + "/recordings")
        _ = try SoftwareModule(directory: moduleFolder, measurements: Rig.measurements, clock: { Workshop.now() })
        let pem = try String(contentsOfFile: "\(moduleFolder)/\(SoftwareModule.rootFileName)", encoding: .utf8)
        let host = FakeHost(try workshop.hostState(), roots: try TrustAnchors(pem: pem))
        let relay = try await host.start(on: Rig.group)

        let process = try Programs.start(
            [
                "keybroker-enclave", "--relay", relay.description, "--listen", "tcp://127.0.0.1:0", "--module",
                "software:\(moduleFolder)", "--record", recordings,
            ],
            log: directory.file("log")
        )
        var folder: String?
        for _ in 0..<1000 where folder == nil {
            try await Task.sleep(for: .milliseconds(20))
            let names = (try? FileManager.default.contentsOfDirectory(atPath: recordings)) ?? []
            folder = names.first { name in
                name.hasPrefix("boot-")
                    && FileManager.default.fileExists(atPath: "\(recordings)/\(name)/recording.json")
            }
        }
        process.terminate()
        process.waitUntilExit()
        await host.stop()

        let name = try #require(folder)
        #expect(name.hasSuffix("-0001"))
        let recording = try RecordingFolder.read("\(recordings)/\(name)")
        #expect(recording.outcome.state == "unlocked")
        #expect(recording.producer == "keybroker-enclave \(productVersion)")
        #expect(await UnlockReplay.run(recording).isSame(as: recording.outcome))
        #expect(directory.read("log").contains("RECORDING: the unlock key"))
        let readMe = try String(contentsOfFile: "\(recordings)/README.md", encoding: .utf8)
        #expect(readMe.hasPrefix("# SECRET"))
    }

    // MARK: Divergence

    @Test func `another unlock key diverges at the document`() async throws {
        var recording = try await recordedUnlock()
        recording.unlockKey = try PrivateKey.generate(.rsa(bits: 2048)).pkcs8().withBytes { bytes in
            (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        }
        let report = await UnlockReplay.run(recording)
        #expect(report.divergence?.contains("module Attestation") == true)
        #expect(!report.isSame(as: recording.outcome))
    }

    @Test func `another nonce diverges at the document, a nonce of another length at once`() async throws {
        var recording = try await recordedUnlock()
        recording.random[1][0] ^= 1
        #expect(await UnlockReplay.run(recording).divergence?.contains("module Attestation") == true)
        recording.random[1].removeLast()
        #expect(await UnlockReplay.run(recording).divergence?.contains("random value") == true)
    }

    @Test func `a recording that is cut, or that goes on, diverges`() async throws {
        let recording = try await recordedUnlock()
        var cut = recording
        cut.exchanges.removeLast()
        #expect(await UnlockReplay.run(cut).divergence?.contains("is not in the recording") == true)
        var longer = recording
        longer.exchanges += recording.exchanges.suffix(1)
        #expect(await UnlockReplay.run(longer).divergence?.contains("1 early") == true)
    }

    @Test func `a replayed envelope that was altered is not accepted`() async throws {
        var recording = try await recordedUnlock()
        for index in recording.exchanges.indices {
            guard case .relay(var exchange) = recording.exchanges[index], exchange.path == "/kms" else { continue }
            let answer = JSON.object(JSONObject([("CiphertextForRecipient", "AAAA")])).serialized()
            exchange.answer = .response(status: 200, errorType: nil, body: answer)
            recording.exchanges[index] = .relay(exchange)
        }
        let report = await UnlockReplay.run(recording)
        #expect(report.outcome.reason == TerminalFailure.Code.tsk.rawValue)
        #expect(!report.isSame(as: recording.outcome))
    }
}
