// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// docs/ARCHITECTURE.md and enclave/README.md list what the manifest has.
struct PagesTests {
    let graph: PackageGraph

    init() async throws { graph = try await PackageGraph.load() }

    /// What people call what a target links.
    static let libraries: [String: String] = [
        "COpenSSL": "OpenSSL 3", "CLibCBOR": "libcbor", "CLibcurl": "libcurl", "NIOCore": "swift-nio",
        "NIOPosix": "swift-nio", "NIOHTTP1": "swift-nio", "NIOTLS": "swift-nio", "NIOSSL": "swift-nio-ssl",
        "Logging": "swift-log",
        "ServiceLifecycle": "swift-service-lifecycle", "UnixSignals": "swift-service-lifecycle",
        "ArgumentParser": "swift-argument-parser",
    ]

    /// Tables of a section: cells of each row, without the heading.
    private static func rows(_ path: String, section: String) throws -> [[String]] {
        let page = try String(contentsOf: SharedData.repository.appendingPathComponent(path), encoding: .utf8)
        let sections = page.components(separatedBy: "\n## ")
        let text = try #require(sections.first { $0.hasPrefix(section + "\n") }, "\(path) has no section \(section)")
        return text.split(separator: "\n").filter { $0.hasPrefix("|") }.dropFirst(2).map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    /// The names in backticks.
    private static func names(_ cell: String?) -> [String] {
        (cell ?? "").matches(of: /`([^`]+)`/).map { String($0.1) }
    }

    private static func names(of zones: [PackageGraph.Zone], _ graph: PackageGraph) -> Set<String> {
        Set(zones.flatMap { graph.names(in: $0) })
    }

    @Test func `the architecture names every module, and no other`() throws {
        let named = try Self.rows("docs/ARCHITECTURE.md", section: "Modules").flatMap { Self.names($0.first) }
        let modules = Self.names(of: [.neutral, .enclave, .host], graph).filter { !$0.hasPrefix("keybroker") }
        #expect(Set(named) == modules)
        #expect(Set(named).count == named.count)
    }

    @Test func `the architecture has a reason for every library, and names no other`() throws {
        let linked = Self.names(of: [.neutral, .enclave, .host], graph).reduce(into: Set<String>()) {
            $0.formUnion(graph.external(of: $1))
        }
        let expected = try Set(linked.map { try #require(Self.libraries[$0], "\($0)") })
        let rows = try Self.rows("docs/ARCHITECTURE.md", section: "Dependencies")
        #expect(Set(rows.map { Self.library($0[0]) }) == expected)
        for row in rows { #expect(row.count == 3 && row.allSatisfy { !$0.isEmpty }, "\(row)") }
    }

    /// `OpenSSL 3 (libssl-dev)` is OpenSSL 3.
    private static func library(_ cell: String) -> String {
        let name = cell.split(separator: "(").first.map(String.init) ?? cell
        let plain = name.replacing("`", with: "").replacing("libcrypto", with: "")
        return plain.trimmingCharacters(in: .whitespaces)
    }

    @Test func `the enclave's page names every module inside, and no other`() throws {
        var inside = graph.closure(of: "keybroker-enclave").union(["keybroker-enclave"])
        inside = inside.filter { graph.targets[$0]?.type != "system" }
        let rows =
            try Self.rows("enclave/README.md", section: "Modules of this folder")
            + Self.rows("enclave/README.md", section: "Neutral modules that it uses")
        #expect(Set(rows.flatMap { Self.names($0.first) }) == inside)
    }

    /// To a third: enough to weigh them by.
    @Test func `the enclave's page says how large each module is`() throws {
        let rows =
            try Self.rows("enclave/README.md", section: "Modules of this folder")
            + Self.rows("enclave/README.md", section: "Neutral modules that it uses")
        for row in rows {
            let stated = try #require(Double(row[1].replacing(",", with: "")), "\(row)")
            let lines = try Self.names(row.first).reduce(0) { try $0 + lineCount($1) }
            #expect(abs(stated / Double(lines) - 1) < 0.34, "\(row[0]) has \(lines) lines")
        }
    }

    private func lineCount(_ target: String) throws -> Int {
        let folder = SharedData.repository.appendingPathComponent(graph.targets[target]?.path ?? "none")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var count = 0
        while let file = files?.nextObject() as? URL {
            guard ["swift", "c", "h"].contains(file.pathExtension) else { continue }
            count += try String(contentsOf: file, encoding: .utf8).count { $0 == "\n" }
        }
        return count
    }

    @Test func `the enclave's page has a reason for every library inside, and names no other of this package`() throws {
        let expected = try Set(
            graph.external(of: "keybroker-enclave").map { try #require(Self.libraries[$0], "\($0)") }
        )
        let rows = try Self.rows("enclave/README.md", section: "External libraries")
        let named = Set(rows.map { Self.library($0[0]) }).intersection(Self.libraries.values)
        #expect(named == expected)
        for row in rows { #expect(row.count == 3 && row.allSatisfy { !$0.isEmpty }, "\(row)") }
    }
}
