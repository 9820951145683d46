// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// Nicolas Seriot's JSONTestSuite: `y_` must be accepted, `n_` refused, `i_` is up to the parser.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct JSONTestSuiteTests {
    private static let folder = SharedData.root.appendingPathComponent("suites/json-test-suite/test_parsing")

    private static func files(_ prefix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix(prefix) }.sorted()
    }

    private static func parse(_ name: String) throws -> JSON {
        try JSON.parse([UInt8](try Data(contentsOf: folder.appendingPathComponent(name))))
    }

    /// RFC 8259 says that names *should* be unique; here they must be.
    private static let duplicates: Set<String> = [
        "y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json",
    ]

    @Test func `accepts every text that is JSON, but for duplicate names`() throws {
        let names = try Self.files("y_")
        #expect(names.count > 90)
        for name in names {
            if Self.duplicates.contains(name) {
                #expect(throws: JSONError.self, "\(name)") { try Self.parse(name) }
            } else {
                #expect(throws: Never.self, "\(name)") { try Self.parse(name) }
            }
        }
    }

    @Test func `refuses every text that is not JSON`() throws {
        let names = try Self.files("n_")
        #expect(names.count > 180)
        for name in names { #expect(throws: JSONError.self, "\(name)") { try Self.parse(name) } }
    }

    /// Numbers are kept as text, so that none is too large; text that is not UTF-8 or has lone surrogates is refused, and
    /// so are a byte order mark and nesting beyond the limit.
    @Test func `accepts of the undecided texts those with large numbers only`() throws {
        let names = try Self.files("i_")
        #expect(names.count > 30)
        for name in names {
            if name.hasPrefix("i_number_") {
                #expect(throws: Never.self, "\(name)") { try Self.parse(name) }
            } else {
                #expect(throws: JSONError.self, "\(name)") { try Self.parse(name) }
            }
        }
    }
}
