// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// host/README.md explains what a configuration may have.
struct ExplainedTests {
    private static func file(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: SharedData.repository.appendingPathComponent(path)))
    }

    /// `enclave.nitro.image`: members that are not objects themselves.
    private static func leaves(_ schema: JSONObject, _ path: String = "") -> [String] {
        var found: [String] = []
        for (name, value) in schema["properties"]?.object?.members ?? [] {
            let rule = value.object ?? JSONObject()
            let alternatives: [JSON] = [value] + (rule["oneOf"]?.array ?? [])
            let nested = alternatives.compactMap(\.object).first { $0["properties"] != nil }
            if let nested { found += leaves(nested, path + name + ".") } else { found.append(path + name) }
        }
        return found
    }

    @Test func `every member of the configuration is explained, by its path`() throws {
        let schema = try JSON.parse(try Self.file("docs/reference/host-configuration.schema.json")).object
        let page = String(decoding: try Self.file("host/README.md"), as: UTF8.self)
        let leaves = Self.leaves(try #require(schema))
        #expect(leaves.count > 15 && leaves.contains("admin.listen") && leaves.contains("enclave.nitro.image"))
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        for leaf in leaves {
            #expect(
                rows.contains { row in
                    let cell = row.split(separator: "|").first ?? ""
                    return cell.matches(of: #/`([^`]+)`/#).contains { $0.1 == leaf }
                },
                "\(leaf)"
            )
        }
    }
}
