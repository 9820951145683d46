// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import NitroAttestation
import TestSupport
import Testing

/// The article "Verifying an attestation document by hand": its commands, run as a reader runs them. They share no code
/// with the library, so this is also a second opinion on its verdicts.
struct VerifyingByHandTests {
    /// The article, read apart.
    private struct Article {
        let text: String
        /// What a reader pastes: the blocks that are `sh`, in order.
        let commands: String

        init() throws {
            let file = "Sources/NitroAttestation/NitroAttestation.docc/VerifyingByHand.md"
            text = try String(contentsOf: SharedData.repository.appendingPathComponent(file), encoding: .utf8)
            let blocks = text.components(separatedBy: "\n```")
            commands = blocks.filter { $0.hasPrefix("sh\n") }.map { String($0.dropFirst(3)) }.joined(separator: "\n")
        }
    }

    /// The last line that the commands print.
    private func verdict(
        of document: [UInt8],
        root: String,
        at time: Timestamp,
        _ demands: [String: String]
    ) async throws -> String {
        let folder = try TemporaryDirectory()
        _ = try folder.write(document, as: "document.cbor")
        _ = try folder.write(Array(root.utf8), as: "root.pem")
        let result = try await Tool.run(
            "bash",
            ["-c", "cd '\(folder.url.path)' || exit 2\n" + Article().commands],
            environment: demands.merging(["NOW": String(time.milliseconds)]) { $1 }
        )
        let last = result.text.split(separator: "\n").last.map(String.init) ?? ""
        #expect((result.status == 0) == (last == "accepted"))
        #expect(result.errors == "")
        return last
    }

    // MARK: The article

    @Test func `the checklist has every reason code in the order of the checks`() throws {
        let text = try Article().text
        let start = try #require(text.range(of: "## Checklist"))
        let end = try #require(text.range(of: "## Constants"))
        let rows = text[start.upperBound..<end.lowerBound].split(separator: "\n").filter { $0.hasPrefix("| ") }
        let codes = rows.dropFirst().flatMap { row -> [String] in
            let cell = row.split(separator: "|").last ?? ""
            return cell.split(separator: ",").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
        }
        #expect(codes == Rejection.Reason.allCases.map(\.rawValue))
    }

    @Test func `the fingerprints in the article are those of the roots in the library`() throws {
        for anchors in [TrustAnchors.aws, .awsUSGov] {
            let root = try #require(anchors.summaries.first)
            #expect(try Article().text.contains("SHA-256 `\(Hex.encode(root.fingerprint))`"))
        }
    }

    // MARK: Its commands

    /// For each reason one document, and the accepted ones that differ most.
    private static let fixtures: [FixtureManifest.Entry] = {
        let accepted: Set = [
            "indefinite-map", "definite-map", "tag-18", "optional-fields-absent", "at-not-after", "leaf-under-root",
            "bundle-of-ten", "everything-demanded", "debug-mode-allowed", "begins-with-the-leeway.leaf",
        ]
        var seen: Set<String> = []
        return FixtureManifest.shared.fixtures.filter { entry in
            if let reason = entry.expected.reason { seen.insert(reason).inserted } else { accepted.contains(entry.id) }
        }
    }()

    @Test func `the commands are tried on every reason and on acceptance`() {
        let reasons = Set(Self.fixtures.compactMap(\.expected.reason))
        #expect(reasons == Set(Rejection.Reason.allCases.map(\.rawValue)))
        #expect(Self.fixtures.count == reasons.count + 10)
    }

    /// Each is a shell with some forty processes: a task for each half of the documents, so that both of two processors
    /// have work.
    @Test func `the commands give the verdict of the manifest`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for half in 0..<2 {
                group.addTask {
                    for (index, entry) in Self.fixtures.enumerated() where index % 2 == half {
                        try await expectVerdict(of: entry)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func expectVerdict(of entry: FixtureManifest.Entry) async throws {
        let time = try #require(Timestamp(rfc3339: entry.time))
        let root = FixtureManifest.folder.appendingPathComponent(try #require(entry.roots.first))
        let verdict = try await verdict(
            of: try entry.bytes,
            root: String(contentsOf: root, encoding: .utf8),
            at: time,
            entry.demandsByHand
        )
        #expect(verdict == (entry.expected.reason.map { "rejected: \($0)" } ?? "accepted"), "\(entry.id)")
    }

    @Test(
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)),
        arguments: [
            "20251015-reclaimprotoco-attestorcore-prod-625d11b8", "20221013-evervault-attestationdoc-prod-a7255268",
            "20260630-tkhq-rustsdk-prod-277e236b", "20260618-reclaimprotoco-attestorcore-tpm-020ed8bb",
        ]
    )
    func `the commands agree with the library on documents of AWS`(_ name: String) async throws {
        let bytes = try SharedData.bytes("attestation/real/\(name).cbor")
        let document = try #require(RecordedDocuments.manifest.real.first { $0.name == name })
        let time = Timestamp(milliseconds: document.timestamp_ms)
        let root = String(decoding: try SharedData.bytes("attestation/aws-nitro-root-g1.pem"), as: UTF8.self)
        let pcrs = (document.pcrs ?? [:]).map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        for time in [time, time.advanced(byMilliseconds: 86_400_000)] {
            let reason = try awsVerifier { $0.allowsDebugMode = false }.verify(bytes, at: time).reason
            let byHand = try await verdict(of: bytes, root: root, at: time, ["PCRS": pcrs])
            #expect(byHand == (reason.map { "rejected: \($0)" } ?? "accepted"))
        }
    }
}

extension FixtureManifest.Entry {
    /// The policy as the article's commands take it.
    fileprivate var demandsByHand: [String: String] {
        var demands: [String: String] = [:]
        demands["PCRS"] = policy.pcrs?.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        demands["NONCE"] = policy.nonce
        demands["USER_DATA"] = policy.userData
        demands["PUBLIC_KEY"] = policy.publicKey
        demands["RSA"] = policy.requiresRSAPublicKey == true ? "yes" : nil
        demands["DEBUG"] = policy.allowsDebugMode == true ? "yes" : nil
        demands["MAXIMUM_AGE"] = policy.maximumAgeMilliseconds.map(String.init)
        demands["LEEWAY"] = policy.clockLeewayMilliseconds.map(String.init)
        return demands
    }
}
