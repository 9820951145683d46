// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// docs/examples/README.md: a registry that `keybroker audit export-signers` wrote, verified by the commands of the page.
struct ExampleTests {
    private static let page = SharedData.repository.appendingPathComponent("docs/examples/README.md")

    /// Runs a block of the page, changed or not, at the root of the repository.
    private static func run(_ name: String, change: (String) -> String = { $0 }) async throws -> Tool.Result {
        let text = try String(contentsOf: page, encoding: .utf8)
        let rest = try #require(text.components(separatedBy: "<!-- commands: \(name) -->\n```sh\n").dropFirst().first)
        let block = try #require(rest.components(separatedBy: "```").first)
        return try await Tool.run(
            "bash",
            ["-euo", "pipefail", "-c", change(block)],
            environment: [
                "PATH": "\(Programs.folder.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
            ],
            in: SharedData.repository.path
        )
    }

    @Test func `the example's chain verifies by its attested registry, whatever the time`() async throws {
        let result = try await Self.run("chain")
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.contains("signer audit-2026: 3") && result.text.contains("end: checked"))
        // A signer from before the broker is in the registry too, and does not count here.
        #expect(result.errors == "audit-2025: no attestation in the registry\n")
    }

    // Each with one thing wrong: another image, another configuration, another root, an event that is missing.
    @Test(arguments: [
        ("--pcr 0=[0-9a-f]+", "--pcr 0=\(String(repeating: "1", count: 96))", "signer-not-attested"),
        (#"--config \S+"#, "--pcr 16=\(String(repeating: "1", count: 96))", "signer-not-attested"),
        ("audit/root.pem", "../../attestation-fixtures/mock-pki/root.pem", "signer-not-attested"),
        ("--expect-count 3", "--expect-count 4", "count-mismatch"),
    ])
    func `it verifies under nothing else`(old: String, new: String, says: String) async throws {
        let pattern = try Regex(old)
        let result = try await Self.run("chain") { $0.replacing(pattern, with: new) }
        #expect(result.status == 1 && result.text.contains(says), "\(result.text)\(result.errors)")
    }

    @Test func `the example's attestations are those of the enclave and keys that it names`() async throws {
        let result = try await Self.run("attestation")
        #expect(result.status == 0, "\(result.errors)")
        let pcr0 = try #require(
            try String(contentsOf: Self.page, encoding: .utf8).firstMatch(of: /--pcr 0=([0-9a-f]{96})/)?.1
        )
        #expect(result.text.contains("0    \(pcr0)") && result.text.contains("accepted"))
    }

    private static let isSoak = ProcessInfo.processInfo.environment["KEYBROKER_RECORD"] != nil

    @Test(.enabled(if: isSoak, "it runs the whole demo: make soak"))
    func `an example that is recorded now verifies as the page says`() async throws {
        let folder = try TemporaryDirectory()
        let path = "\(Programs.folder.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
        let script = SharedData.repository.appendingPathComponent("docs/examples/audit/record").path
        let recorded = try await Tool.run(script, [folder.path], environment: ["PATH": path])
        #expect(recorded.status == 0, "\(recorded.errors)")
        let pcr0 = try #require(folder.read("README.md").firstMatch(of: /--pcr 0=[0-9a-f]{96}/)?.output)
        let result = try await Self.run("chain") {
            $0.replacing("cd docs/examples", with: "cd \(folder.path)").replacing(/--pcr 0=[0-9a-f]{96}/, with: pcr0)
        }
        #expect(result.status == 0, "\(result.text)\(result.errors)")
    }
}
