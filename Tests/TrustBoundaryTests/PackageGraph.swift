// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// The targets of this package and what each depends on, as SwiftPM itself reads the manifest.
struct PackageGraph: Sendable {
    struct Target: Sendable {
        let name: String
        let path: String
        let type: String
        /// Targets of this package.
        let targets: Set<String>
        /// Products of other packages.
        let products: Set<String>
        /// Traits without which a target is not linked.
        let traits: [String: [String]]

        var zone: Zone {
            switch path.split(separator: "/").first {
            case "Sources": .neutral
            case "enclave": .enclave
            case "host": .host
            case "attestation-fixtures": .fixtures
            default: .tests
            }
        }
    }

    enum Zone: Sendable {
        case neutral, enclave, host, fixtures, tests
    }

    let targets: [String: Target]
    /// Targets behind each product of this package.
    let products: [String: [String]]

    /// Reads `swift package dump-package`, with a scratch path of its own: the test run holds the lock of the usual one.
    /// Once: every test asks.
    static func load() async throws -> PackageGraph { try await loaded.value }

    private static let loaded = Task {
        let scratch = try TemporaryDirectory()
        let dump = try await Tool.succeed(
            "swift",
            [
                "package", "--package-path", SharedData.repository.path, "--scratch-path", scratch.path, "dump-package",
            ],
            environment: ["KEYBROKER_TESTS": nil]
        )
        return try PackageGraph(dump: Data(dump.output))
    }

    private init(dump: Data) throws {
        let manifest = try JSONDecoder().decode(Manifest.self, from: dump)
        targets = Dictionary(uniqueKeysWithValues: manifest.targets.map { ($0.name, $0.target) })
        products = Dictionary(uniqueKeysWithValues: manifest.products.map { ($0.name, $0.targets) })
    }

    /// Every target that `name` reaches, itself excluded.
    func closure(of name: String) -> Set<String> {
        var seen: Set<String> = []
        var pending = targets[name]?.targets ?? []
        while let next = pending.popFirst() {
            guard seen.insert(next).inserted else { continue }
            pending.formUnion((targets[next]?.targets ?? []).subtracting(seen))
        }
        return seen
    }

    /// System libraries and products of other packages that `name` links, directly or not.
    func external(of name: String) -> Set<String> {
        let all = closure(of: name).union([name]).compactMap { targets[$0] }
        return all.reduce(into: []) { result, target in
            result.formUnion(target.products)
            if target.type == "system" { result.insert(target.name) }
        }
    }

    func names(in zone: Zone) -> [String] {
        targets.values.filter { $0.zone == zone }.map(\.name).sorted()
    }
}

// The part of the dump that is needed.
private struct Manifest: Decodable {
    struct Product: Decodable {
        let name: String
        let targets: [String]
    }

    struct Target: Decodable {
        let name: String
        let path: String?
        let type: String
        let dependencies: [Dependency]

        var target: PackageGraph.Target {
            .init(
                name: name,
                path: path ?? "",
                type: type,
                targets: Set(dependencies.compactMap(\.target)),
                products: Set(dependencies.compactMap(\.product)),
                traits: Dictionary(
                    uniqueKeysWithValues: dependencies.compactMap { dependency in
                        dependency.target.flatMap { name in dependency.traits.map { (name, $0) } }
                    }
                )
            )
        }
    }

    /// `{"byName":[name, condition]}`, `{"target":[name, condition]}` or `{"product":[name, package, …]}`.
    struct Dependency: Decodable {
        let target: String?
        let product: String?
        /// Nil without a condition on traits.
        let traits: [String]?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            func first(_ key: Key) throws -> String? {
                guard container.contains(key) else { return nil }
                var list = try container.nestedUnkeyedContainer(forKey: key)
                return try list.decode(String.self)
            }
            func condition(_ key: Key) throws -> Condition? {
                guard container.contains(key) else { return nil }
                var list = try container.nestedUnkeyedContainer(forKey: key)
                _ = try list.decode(String.self)
                return try list.decodeIfPresent(Condition.self)
            }
            target = try first(.byName) ?? first(.target)
            product = try first(.product)
            traits = try (condition(.byName) ?? condition(.target))?.traits
        }

        struct Condition: Decodable {
            let traits: [String]?
        }

        enum Key: String, CodingKey {
            case byName, target, product
        }
    }

    let products: [Product]
    let targets: [Target]
}
