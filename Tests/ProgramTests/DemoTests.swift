// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite(.serialized)
struct DemoTests {
    static let archive = SharedData.root.appendingPathComponent("systems/illuvrse/archive_go_filestore")

    /// One run is enough to look at.
    private static let run = Task { try await Programs.run(["keybroker", "demo"]) }

    @Test func `the demo runs the main job and ends with demo ok`() async throws {
        let result = try await Self.run.value
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.hasSuffix("demo: ok\n"))
    }

    @Test func `each attack of the demo is refused`() async throws {
        let result = try await Self.run.value
        let refused = result.text.split(separator: "\n").filter { $0.contains("  refused  ") }
        #expect(refused.count == 5, "\(result.text)\(result.errors)")
        #expect(refused.count { $0.contains("AccessDeniedException") } == 3, "\(result.text)")
        #expect(refused.count { $0.contains("configuration commits to") } == 1, "\(result.text)")
        #expect(refused.count { $0.contains("InvalidSignatureException") } == 1, "\(result.text)")
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `the demo reproduces the hashes of archived ILLUVRSE events before it signs them`() async throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.archive.path)
            .filter { $0.hasPrefix("audit_") }
            .map { Self.archive.appendingPathComponent($0).path }
        #expect(files.count == 2)
        let result = try await Programs.run(["keybroker", "demo", "--events"] + files)
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.contains("2 archived hashes reproduced"), "\(result.text)")
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `the demo refuses an archived event whose payload was changed`() async throws {
        let scratch = try TemporaryDirectory()
        defer { scratch.remove() }
        let original = Self.archive.appendingPathComponent("audit_656a2be7-a67e-473f-9d3e-2bd6650c398e.json")
        let text = try String(contentsOf: original, encoding: .utf8)
        let first = Self.archive.appendingPathComponent("audit_c0cc66a9-dcb0-40c8-b927-d58508989d02.json").path
        try text.replacing("1000", with: "9999").write(
            toFile: scratch.file("changed.json"),
            atomically: true,
            encoding: .utf8
        )
        let result = try await Programs.run(["keybroker", "demo", "--events", first, scratch.file("changed.json")])
        #expect(result.status == 1)
        #expect(!result.text.contains("demo: ok"))
    }
}
