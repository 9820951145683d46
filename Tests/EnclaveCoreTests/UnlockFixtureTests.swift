// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import Encoding
import Foundation
import NitroAttestation
import SoftwareModule
import TestSupport
import Testing

/// Replays the recorded unlocks of the repository, read by a reader of their manifest that nothing else uses.
struct UnlockFixtureTests {
    struct Manifest: Decodable {
        let recordings: [Entry]
    }

    struct Entry: Decodable, Sendable, CustomTestStringConvertible {
        let id: String
        let folder: String
        let summary: String
        let expected: Expected

        var testDescription: String { id }
        var path: String { UnlockFixtureTests.fixtures.appendingPathComponent(folder).path }
    }

    struct Expected: Decodable, Sendable, Equatable {
        let state: String
        let reason: String?
    }

    static let fixtures = SharedData.repository.appendingPathComponent("attestation-fixtures")

    /// Empty if it cannot be read, which a test notices.
    static let entries: [Entry] =
        (try? JSONDecoder().decode(
            Manifest.self,
            from: Data(contentsOf: fixtures.appendingPathComponent("manifest.json"))
        ).recordings) ?? []

    @Test(arguments: entries)
    func `a recorded unlock replays to the manifest's result and to its own`(_ entry: Entry) async throws {
        let recording = try RecordingFolder.read(entry.path)
        let report = await UnlockReplay.run(recording)
        #expect(report.divergence == nil)
        #expect(Expected(state: report.outcome.state, reason: report.outcome.reason) == entry.expected)
        #expect(report.isSame(as: recording.outcome))
        #expect((report.outcome.keyring != nil) == (entry.expected.state == "unlocked"))
        #expect(recording.summary == entry.summary)
    }

    @Test func `every code that a recording can show has a recorded unlock`() {
        // No recording makes OpenSSL itself fail.
        let codes =
            TerminalFailure.Code.allCases.filter { $0 != .cryptography }.map(\.rawValue)
            + RetryableFailure.Code.allCases.map(\.rawValue)
        #expect(Set(Self.entries.compactMap(\.expected.reason)) == Set(codes))
        #expect(Self.entries.contains { $0.expected.state == "unlocked" })
    }

    @Test func `every folder of unlocks is in the manifest, once`() throws {
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: Self.fixtures.appendingPathComponent("unlocks").path
        )
        #expect(Self.entries.map(\.folder).sorted() == folders.map { "unlocks/\($0)" }.sorted())
    }

    @Test(arguments: entries)
    func `a recorded document verifies under the fixtures' root`(_ entry: Entry) throws {
        let recording = try RecordingFolder.read(entry.path)
        let asked = recording.exchanges.compactMap { exchange -> [UInt8]? in
            if case .relay(let exchange) = exchange, exchange.path == "/kms" { exchange.body } else { nil }
        }
        guard let body = asked.first else { return }
        let request = try #require(try JSON.parse(body).object)
        let text = try #require(request["Recipient"]?.object?["AttestationDocument"]?.string)
        let root = try String(
            contentsOf: Self.fixtures.appendingPathComponent("mock-pki/root.pem"),
            encoding: .utf8
        )
        let verifier = try AttestationVerifier(policy: VerificationPolicy(roots: try TrustAnchors(pem: root)))
        guard case .accepted = verifier.verifyAtDocumentTime(try Base64.decode(text)) else {
            Issue.record("rejected")
            return
        }
    }
}
