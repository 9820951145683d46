// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// docs/THREAT_MODEL.md, and other pages: what they claim is held by tests that exist.
struct ThreatModelTests {
    struct Page: CustomTestStringConvertible {
        let name: String
        /// At least as many as there were.
        let tests: Int
        let claims: Int
        var testDescription: String { name }

        func text() throws -> String {
            let file = SharedData.repository.appendingPathComponent("docs/\(name).md")
            return try String(contentsOf: file, encoding: .utf8)
        }
    }

    static let pages = [
        Page(name: "THREAT_MODEL", tests: 50, claims: 30), Page(name: "AUDIT", tests: 35, claims: 25),
    ]

    /// Names of the tests by the name of their file without its ending.
    private let tests: [String: Set<String>]

    init() throws {
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

    @Test(arguments: pages)
    func `every test that is named exists`(page: Page) throws {
        let text = try page.text()
        let named = text.matches(of: /`(\w+Tests): ([^`]+)`/)
        #expect(named.count > page.tests)
        for match in named {
            let (suite, name) = (String(match.1), String(match.2))
            #expect(tests[suite]?.contains(name) ?? false, "\(suite): \(name)")
        }
    }

    /// In tables whose last column is `tests`.
    @Test(arguments: pages)
    func `every claim names a test`(page: Page) throws {
        var isClaim = false
        var claims = 0
        for line in try page.text().split(separator: "\n", omittingEmptySubsequences: false) {
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
        #expect(claims > page.claims)
    }
}
