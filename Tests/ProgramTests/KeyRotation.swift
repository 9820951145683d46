// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport

/// `keybroker rotate … key` of one alias, as an operator runs it: without waiting, unless a test says otherwise.
struct KeyRotation {
    let broker: RunningBroker
    let alias: String
    /// A registry of its own, with the key of now.
    let registry: String
    let chain: String

    static let steps = ["create", "publish", "overlap", "switch", "retire", "disable"]

    /// One key for each test, and a principal who may do less than the administrator.
    static let specification: JSON = [
        "format": 1, "keyringId": "test-keys", "account": "000000000000", "region": "us-east-1",
        "keys": .array(
            ["whole", "broken", "changed", "waiting", "narrow", "rehearsed"].map { name in
                ["aliases": [.string("alias/\(name)")], "keySpec": "ECC_NIST_EDWARDS25519"]
            }
        ),
        "principals": [
            ["name": "administrator", "policies": [statement(["kms:*", "keybroker:*"])]],
            [
                "name": "clerk",
                "policies": [statement(["kms:Sign", "kms:Describe*", "kms:Get*", "kms:List*", "keybroker:*"])],
            ],
            ["name": "narrow", "policies": []],
        ],
    ]

    private static func statement(_ actions: [String]) -> JSON {
        [
            "Version": "2012-10-17",
            "Statement": [["Effect": "Allow", "Action": .array(actions.map { .string($0) }), "Resource": "*"]],
        ]
    }

    init(_ broker: RunningBroker, _ name: String) async throws {
        self.broker = broker
        alias = "alias/\(name)"
        registry = broker.folder.file("\(name)-signers.json")
        chain = broker.folder.file("\(name).jsonl")
        let result = try await run(["audit", "export-signers", "--key", alias, "-o", registry] + expected)
        guard result.status == 0 else { throw Unexpected(result.errors) }
    }

    var expected: [String] {
        [
            "--root", broker.folder.file("module/root.pem"), "--binary", Programs.path("keybroker-enclave"), "--config",
            broker.folder.file("enclave.json"),
        ]
    }

    func run(_ arguments: [String], input: String = "") async throws -> Tool.Result {
        try await Programs.run(
            ["keybroker"] + arguments,
            environment: broker.clientEnvironment.merging(["AWS_PROFILE": "administrator"]) { $1 },
            input: Array(input.utf8)
        )
    }

    /// Waits for nothing that `waits` does not name.
    func rotate(
        _ verb: String,
        _ arguments: [String] = [],
        waits: [String] = ["--overlap", "0s", "--disable-after", "0s"]
    )
        async throws -> Tool.Result
    {
        try await run(["rotate", verb, "key", "--alias", alias, "--signers", registry] + expected + waits + arguments)
    }

    /// The same of a run that has to succeed: what it says in JSON, which is as its schema says.
    func report(
        _ verb: String,
        _ arguments: [String] = [],
        waits: [String] = ["--overlap", "0s", "--disable-after", "0s"]
    )
        async throws -> JSONObject
    {
        let result = try await rotate(verb, arguments + ["--json"], waits: waits)
        guard result.status == 0 else {
            throw Unexpected("\(arguments): \(result.status): \(result.errors)\(result.text)")
        }
        let faults = try JSONSchema("rotation-output").faults(in: result.output)
        guard faults.isEmpty else { throw Unexpected("\(faults)") }
        return try RunningBroker.require(try JSON.parse(result.output).object)
    }

    /// Appends an event, signed through the alias.
    func sign(_ text: String) async throws {
        let result = try await run(
            ["audit", "sign", "--profile", "jcs", "--key", alias, "--payloads", "--append", chain],
            input: #"{"text": "\#(text)"}"#
        )
        guard result.status == 0 else { throw Unexpected(result.errors) }
    }

    func verify() async throws -> Tool.Result {
        try await run(
            ["audit", "verify", "--profile", "jcs", "-s", registry, "--require-attested", "--json", chain] + expected
        )
    }

    // MARK: What there is

    var journalPath: String { "\(registry).rotation-\(alias.dropFirst(6)).json" }

    func journal() throws -> JSONObject {
        let bytes = try RunningBroker.bytes(journalPath)
        let faults = try JSONSchema("rotation-journal").faults(in: bytes)
        guard faults.isEmpty else { throw Unexpected("\(faults)") }
        return try RunningBroker.require(try JSON.parse(bytes).object)
    }

    func write(_ journal: JSONObject) throws {
        try RunningBroker.write(JSON.object(journal).serialized(), journalPath)
    }

    /// The journal as a run leaves it that was killed after `step` had done everything, and before anybody wrote so: the answer
    /// to CreateKey, for one, is lost. `registry` is what the journal had of it before the step.
    func interrupt(_ step: String, registry: JSON?) throws {
        var journal = try journal()
        var entries = journal["steps"]?.array ?? []
        entries.removeLast()
        entries.append(["step": .string(step), "state": "started", "started": "2026-01-01T00:00:00Z"])
        journal["steps"] = .array(entries)
        var facts = try RunningBroker.require(journal["facts"]?.object)
        switch step {
        case "create": for name in ["newKey", "oldSigners", "registry"] { facts[name] = nil }
        case "publish":
            var known = try RunningBroker.require(facts["registry"]?.object)
            known[try fact("newSigner")] = nil
            facts["registry"] = .object(known)
            facts["newSigner"] = nil
        case "retire":
            facts["registry"] = registry
            facts["notAfter"] = nil
        default: break
        }
        journal["facts"] = .object(facts)
        try write(journal)
    }

    func fact(_ name: String) throws -> String {
        try RunningBroker.require(try journal()["facts"]?.object?[name]?.string)
    }

    func signers() throws -> [JSONObject] {
        let registry = try JSON.parse(try RunningBroker.bytes(registry))
        return (registry.object?["signers"]?.array ?? []).compactMap(\.object)
    }

    /// The keys of the broker: id, state, aliases.
    func keys() async throws -> [JSONObject] {
        let result = try await run(["key", "list", "--json"])
        return (try JSON.parse(result.output).object?["Keys"]?.array ?? []).compactMap(\.object)
    }

    func target() async throws -> String {
        let result = try await run(["key", "describe", alias, "--json"])
        return try RunningBroker.require(try JSON.parse(result.output).object?["Arn"]?.string)
    }
}
