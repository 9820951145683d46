// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import Foundation

/// Policies, and requests with the decision that each must get (docs/reference/policy-cases.schema.json).
struct SimulationCases: Sendable {
    struct Case: Sendable {
        let name: String?
        let request: SimulatedRequest
        let expected: String
    }

    private let key: PolicySource?
    /// For every principal.
    private let common: [PolicySource]
    private let byPrincipal: [String: [PolicySource]]
    let cases: [Case]

    // MARK: Reading

    static func read(_ path: String) throws(CommandFailure) -> SimulationCases {
        let bytes = try InputFile.read(path)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            return try SimulationCases(json: bytes, folder: folder)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage("\(path): \(error)")
        }
    }

    private init(json: [UInt8], folder: String) throws {
        var fields = try JSONFields(try JSON.parse(json))
        _ = try fields.optionalString("description")
        var policies = try JSONFields(try fields.value("policies"), at: "policies")
        switch try policies.optionalValue("key") {
        case nil, .null?: key = nil
        case let value?: key = try Self.policy(value, kind: .key, "policies.key", folder)
        }
        var common: [PolicySource] = []
        var byPrincipal: [String: [PolicySource]] = [:]
        switch try policies.optionalValue("identity") {
        case .array(let list)?: common = try Self.policies(list, "policies.identity", folder)
        case .object(let object)?:
            for (principal, value) in object.members {
                let path = "policies.identity.\(principal)"
                guard let list = value.array else { throw CommandFailure.usage("\(path): expected a list") }
                byPrincipal[principal] = try Self.policies(list, path, folder)
            }
        case nil: break
        default: throw CommandFailure.usage("policies.identity: expected a list, or lists by principal")
        }
        try policies.finish()
        self.common = common
        self.byPrincipal = byPrincipal
        guard let list = try fields.value("cases").array, !list.isEmpty else {
            throw CommandFailure.usage("cases: expected a list of at least one")
        }
        cases = try list.enumerated().map { try Self.testCase($1, at: "cases[\($0)]") }
        try fields.finish()
    }

    private static func testCase(_ value: JSON, at path: String) throws -> Case {
        var fields = try JSONFields(value, at: path)
        var request = SimulatedRequest(
            principal: try fields.string("principal"),
            action: try fields.string("action"),
            resource: try fields.optionalString("resource")
        )
        if let conditions = try fields.optionalValue("conditions") {
            guard let members = conditions.object?.members else {
                throw CommandFailure.usage("\(path).conditions: expected an object")
            }
            for (name, value) in members {
                guard let values = texts(value) else {
                    throw CommandFailure.usage("\(path).conditions.\(name): expected a text, a list of texts, or null")
                }
                request.conditions[name] = values
            }
        }
        let expected = try fields.string("expect")
        guard ["allowed", "explicitDeny", "implicitDeny"].contains(expected) else {
            throw CommandFailure.usage("\(path).expect: expected allowed, explicitDeny or implicitDeny")
        }
        let name = try fields.optionalString("name")
        try fields.finish()
        return Case(name: name, request: request, expected: expected)
    }

    private static func texts(_ value: JSON) -> [String]? {
        switch value {
        case .null: return []
        case .string(let text): return [text]
        case .array(let list):
            let texts = list.compactMap(\.string)
            return texts.count == list.count ? texts : nil
        default: return nil
        }
    }

    private static func policies(_ list: [JSON], _ path: String, _ folder: String) throws -> [PolicySource] {
        try list.enumerated().map { try policy($1, kind: .identity, "\(path)[\($0)]", folder) }
    }

    private static func policy(_ value: JSON, kind: PolicyDocument.Kind, _ path: String, _ folder: String) throws
        -> PolicySource
    {
        switch value {
        case .string(let file):
            return try PolicySourceFile.read(file.hasPrefix("/") ? file : "\(folder)/\(file)", kind: kind)
        case .object: return try PolicySourceFile.source(value.serialized(), kind: kind, name: path)
        default: throw CommandFailure.usage("\(path): expected a policy, or the path of one")
        }
    }

    // MARK: Running

    func run(at now: Timestamp) throws(CommandFailure) -> SimulationResults {
        var results = SimulationResults()
        for testCase in cases {
            let request = try testCase.request.accessRequest(at: now)
            let policies = RequestPolicies(key: key, identity: common + (byPrincipal[request.principal] ?? []))
            results.add(testCase, DecisionReport(request: request, explanation: policies.explain(request)))
        }
        return results
    }
}

/// What came of the cases.
struct SimulationResults: Sendable {
    private var results: [(testCase: SimulationCases.Case, report: DecisionReport)] = []

    mutating func add(_ testCase: SimulationCases.Case, _ report: DecisionReport) {
        results.append((testCase, report))
    }

    var failed: Int { results.count { $0.report.decision != $0.testCase.expected } }

    /// docs/reference/policy-simulate-output.schema.json
    var json: JSON {
        let list = results.map { testCase, report -> JSON in
            var object = JSONObject([
                ("name", testCase.name.map { .string($0) } ?? .null),
                ("principal", .string(report.request.principal)),
                ("action", .string(report.request.action)),
                ("resource", .string(report.request.resource)),
                ("expect", .string(testCase.expected)),
                ("asExpected", .bool(report.decision == testCase.expected)),
            ])
            for member in report.json.object?.members ?? [] { object[member.name] = member.value }
            return .object(object)
        }
        return [
            "passed": .number(JSONNumber(Int64(results.count - failed))), "failed": .number(JSONNumber(Int64(failed))),
            "results": .array(list),
        ]
    }

    func printForPeople() {
        var table = Table()
        for (testCase, report) in results {
            let isRight = report.decision == testCase.expected
            table.add([
                isRight ? "ok" : "WRONG", report.decision + (isRight ? "" : " (expected \(testCase.expected))"),
                testCase.name ?? "\(report.request.action) by \(report.request.principal)",
                report.explanation.deciding.map(\.place.title).joined(separator: ", "),
            ])
        }
        for line in table.lines { Console.line(line) }
        Console.line()
        Console.line("\(results.count - failed) as expected, \(failed) not")
    }
}
