// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The zones of docs/ARCHITECTURE.md, asserted on the manifest: the graph is the policy.
struct TrustBoundaryTests {
    let graph: PackageGraph

    init() async throws {
        graph = try await PackageGraph.load()
    }

    /// What a host must never reach: a host that verifies is a host that someone will trust.
    static let forbiddenToHost: Set<String> = [
        "Keyring", "KeyService", "EnclaveCore", "SecurityModule", "SoftwareModule", "NitroAttestation",
    ]

    /// The only edges from the neutral zone into the enclave's.
    static let neutralExceptions: [String: Set<String>] = [
        "DevelopmentKMS": ["KeyService"],
        "keybroker": ["Keyring", "SoftwareModule"],
    ]

    static let enclaveLibraries: Set<String> = [
        "CLibCBOR", "COpenSSL", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOTLS",
    ]
    static let hostLibraries: Set<String> = [
        "CLibcurl", "COpenSSL", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOTLS", "ServiceLifecycle",
        "UnixSignals",
    ]
    static let neutralLibraries: Set<String> = [
        "ArgumentParser", "CLibCBOR", "CLibcurl", "COpenSSL", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL",
        "NIOTLS",
    ]

    @Test func `neutral targets depend on neutral targets, but for the named edges`() {
        for name in graph.names(in: .neutral) {
            let outside = (graph.targets[name]?.targets ?? []).filter { graph.targets[$0]?.zone != .neutral }
            #expect(outside.isSubset(of: Self.neutralExceptions[name] ?? []), "\(name)")
        }
    }

    @Test func `no other neutral target reaches the enclave or the host`() {
        for name in graph.names(in: .neutral) where Self.neutralExceptions[name] == nil {
            for reached in graph.closure(of: name) {
                #expect(graph.targets[reached]?.zone == .neutral, "\(name) reaches \(reached)")
            }
        }
    }

    @Test func `enclave targets reach enclave and neutral targets, never the development KMS or the command line`() {
        for name in graph.names(in: .enclave) {
            for reached in graph.closure(of: name) {
                let zone = graph.targets[reached]?.zone
                #expect(zone == .enclave || zone == .neutral, "\(name) reaches \(reached)")
                #expect(!["DevelopmentKMS", "keybroker", "AWSClient"].contains(reached), "\(name) reaches \(reached)")
            }
        }
    }

    @Test func `host targets never reach keys, the service over them, or a verifier`() {
        for name in graph.names(in: .host) {
            let closure = graph.closure(of: name)
            #expect(closure.isDisjoint(with: Self.forbiddenToHost), "\(name)")
            for reached in closure {
                let zone = graph.targets[reached]?.zone
                #expect(zone == .host || zone == .neutral, "\(name) reaches \(reached)")
            }
        }
    }

    @Test func `the enclave links only the libraries that its README names`() {
        for name in graph.names(in: .enclave) {
            #expect(graph.external(of: name).isSubset(of: Self.enclaveLibraries), "\(name)")
        }
    }

    @Test func `the host links only its own list of libraries`() {
        for name in graph.names(in: .host) {
            #expect(graph.external(of: name).isSubset(of: Self.hostLibraries), "\(name)")
        }
    }

    @Test func `neutral targets link only their own list of libraries`() {
        for name in graph.names(in: .neutral) {
            #expect(graph.external(of: name).isSubset(of: Self.neutralLibraries), "\(name)")
        }
    }

    @Test func `the verifier library needs OpenSSL and libcbor and nothing else`() {
        #expect(graph.external(of: "NitroAttestation") == ["CLibCBOR", "COpenSSL"])
    }

    @Test func `the library of enclave images needs OpenSSL and libcbor and nothing else`() {
        #expect(graph.external(of: "EnclaveImage") == ["CLibCBOR", "COpenSSL"])
    }

    @Test func `every library in a zone's list is linked by something in that zone`() {
        func linked(_ zone: PackageGraph.Zone) -> Set<String> {
            graph.names(in: zone).reduce(into: []) { $0.formUnion(graph.external(of: $1)) }
        }
        #expect(linked(.enclave) == Self.enclaveLibraries)
        #expect(linked(.host) == Self.hostLibraries)
        #expect(linked(.neutral) == Self.neutralLibraries)
    }

    @Test func `no product contains test support or the fixture generator`() {
        for (product, targets) in graph.products {
            for target in targets {
                let closure = graph.closure(of: target).union([target])
                #expect(closure.isDisjoint(with: ["TestSupport", "generate-fixtures"]), "\(product)")
            }
        }
    }

    @Test func `the enclave's program has the software module by its trait alone`() throws {
        let direct = try #require(graph.targets["keybroker-enclave"])
        #expect(direct.traits["SoftwareModule"] == ["SoftwareModule"])
        for name in direct.targets.subtracting(["SoftwareModule"]) {
            #expect(!graph.closure(of: name).contains("SoftwareModule"), "\(name) reaches it without the trait")
        }
        let folder = SharedData.repository.appendingPathComponent(direct.path)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let recorder = ["import SoftwareModule", "UnlockRecorder", "RecordingFolder", "SoftwareModule("]
        var seen: Set<String> = []
        for file in files {
            for (line, isConditional) in Self.lines(of: try String(contentsOf: file, encoding: .utf8)) {
                for word in recorder where line.contains(word) {
                    seen.insert(word)
                    #expect(isConditional, "\(file.lastPathComponent): \(line)")
                }
            }
        }
        #expect(seen == Set(recorder))
    }

    @Test func `the argument that records is known only with the trait`() throws {
        let path = "enclave/Sources/EnclaveCore/Program/EnclaveArguments.swift"
        let source = try String(contentsOf: SharedData.repository.appendingPathComponent(path), encoding: .utf8)
        let mentions = Self.lines(of: source).filter { $0.line.contains("\"--record\"") }
        #expect(!mentions.isEmpty)
        #expect(!mentions.contains { !$0.isConditional })
    }

    /// Lines of a source file, and whether each is compiled with the trait only.
    private static func lines(of source: String) -> [(line: String, isConditional: Bool)] {
        // A true entry for each open `#if` in its branch with the trait.
        var open: [Bool] = []
        return source.split(separator: "\n").map { line in
            let text = line.drop { $0 == " " }
            if text.hasPrefix("#if ") {
                open.append(text == "#if SoftwareModule")
            } else if text.hasPrefix("#else") || text.hasPrefix("#elseif") {
                open[open.count - 1] = false
            } else if text.hasPrefix("#endif") {
                open.removeLast()
            }
            return (String(line), open.contains(true))
        }
    }

    @Test func `nothing that the enclave links imports Foundation`() throws {
        let names = graph.closure(of: "keybroker-enclave").union(["keybroker-enclave"])
        for name in names {
            let folder = SharedData.repository.appendingPathComponent(graph.targets[name]?.path ?? "")
            let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.pathExtension == "swift" else { continue }
                let source = try String(contentsOf: file, encoding: .utf8)
                #expect(!source.contains("import Foundation"), "\(file.lastPathComponent)")
            }
        }
    }
}
