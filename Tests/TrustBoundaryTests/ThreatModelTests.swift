// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// docs/THREAT_MODEL.md: what it claims is held by tests that exist.
struct ThreatModelTests {
    private let page: String
    /// Names of the tests by the name of their file without its ending.
    private let tests: [String: Set<String>]

    init() throws {
        let page = SharedData.repository.appendingPathComponent("docs/THREAT_MODEL.md")
        self.page = try String(contentsOf: page, encoding: .utf8)
        var tests: [String: Set<String>] = [:]
        let folder = SharedData.repository.appendingPathComponent("Tests")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let source = try String(contentsOf: file, encoding: .utf8)
            for test in source.matches(of: /@Test[^`]*func `([^`]+)`/) {
                tests[file.deletingPathExtension().lastPathComponent, default: []].insert(String(test.1))
            }
        }
        self.tests = tests
    }

    @Test func `every test that is named exists`() {
        let named = page.matches(of: /`(\w+Tests): ([^`]+)`/)
        #expect(named.count > 50)
        for match in named {
            let (suite, name) = (String(match.1), String(match.2))
            #expect(tests[suite]?.contains(name) ?? false, "\(suite): \(name)")
        }
    }

    /// In tables whose last column is `tests`.
    @Test func `every claim names a test`() {
        var isClaim = false
        var claims = 0
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("|") else {
                isClaim = false
                continue
            }
            if line.hasSuffix("| tests |") {
                isClaim = true
            } else if isClaim, !line.hasPrefix("|---") {
                claims += 1
                #expect(line.contains(/`\w+Tests: [^`]+` ?(\||;)/), "\(line.prefix(100))")
            }
        }
        #expect(claims > 30)
    }
}
