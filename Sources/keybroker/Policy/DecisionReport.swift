// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding

/// A decision and its statements, for people and for programs.
struct DecisionReport: Sendable {
    let request: AccessRequest
    let explanation: AccessExplanation

    var isAllowed: Bool { explanation.decision == .allowed }

    /// `allowed`, `explicitDeny` or `implicitDeny`.
    var decision: String { explanation.decision.name }

    /// AWS's message of the denial.
    var message: String? { isAllowed ? nil : accessDeniedMessage(request, explanation.decision) }

    // MARK: For programs

    /// docs/reference/policy-simulate-output.schema.json
    var json: JSON {
        .object(
            JSONObject([
                ("decision", .string(decision)),
                ("message", message.map { .string($0) } ?? .null),
                ("deciding", .array(explanation.deciding.map(\.json))),
                ("nearMisses", .array(isAllowed ? [] : explanation.nearMisses.map(\.json))),
            ])
        )
    }

    // MARK: For people

    func printForPeople() {
        Console.line(Console.styled(decision, isAllowed ? .green : .red))
        for finding in explanation.deciding { Console.line("  \(finding.title)") }
        guard !isAllowed else { return }
        if let message { Console.line("  \(Console.printable(message, limit: 4096))") }
        let near = explanation.nearMisses.filter { !$0.isDeny }
        guard case .implicitDeny = explanation.decision, !near.isEmpty else { return }
        Console.line()
        Console.line("nearly:")
        for finding in near {
            Console.line("  \(finding.title)")
            for line in finding.obstacles { Console.line("    \(line)") }
        }
    }
}

extension AccessDecision {
    var name: String {
        switch self {
        case .allowed: "allowed"
        case .explicitDeny: "explicitDeny"
        case .implicitDeny: "implicitDeny"
        }
    }
}

extension StatementFinding.Place {
    /// `policy.json: Statement[2] "NoOtherImage"`
    var title: String {
        let name = sid.map { " \"\(Console.printable($0))\"" } ?? ""
        return "\(Console.printable(policy)): Statement[\(index)]\(name)"
    }

    var json: JSON {
        [
            "policy": kind == .keyPolicy ? "key" : "identity", "name": .string(policy),
            "statement": .number(JSONNumber(Int64(index))), "sid": sid.map { .string($0) } ?? .null,
        ]
    }
}

extension StatementFinding {
    var title: String {
        "\(isDeny ? "Deny" : "Allow")  \(place.title)"
            + (isThroughAccount && place.kind == .keyPolicy ? "  (the account's IAM policies decide)" : "")
    }

    /// Why it does not apply, a line each.
    var obstacles: [String] {
        mismatches.map {
            "\($0.element) \(Self.list($0.policyValues)) does not cover \(Console.printable($0.requestValue))"
        }
            + failedConditions.map { condition in
                let present =
                    condition.requestValues.isEmpty ? "absent" : "is \(Self.list(condition.requestValues))"
                return
                    "\(condition.conditionOperator) \(condition.key) \(Self.list(condition.policyValues)): it \(present)"
            }
    }

    static func list(_ values: [String]) -> String {
        values.map { Console.printable($0, limit: 256) }.joined(separator: " or ")
    }

    var json: JSON {
        var object = place.json.object ?? JSONObject()
        object["effect"] = isDeny ? "Deny" : "Allow"
        object["applies"] = .bool(applies)
        object["mismatches"] = .array(
            mismatches.map {
                [
                    "element": .string($0.element), "policy": .array($0.policyValues.map { .string($0) }),
                    "request": .string($0.requestValue),
                ]
            }
        )
        object["conditions"] = .array(
            conditions.map {
                [
                    "operator": .string($0.conditionOperator), "key": .string($0.key),
                    "policy": .array($0.policyValues.map { .string($0) }),
                    "request": .array($0.requestValues.map { .string($0) }), "outcome": .string($0.outcome.rawValue),
                ]
            }
        )
        return .object(object)
    }
}
