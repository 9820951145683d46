// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import ArgumentParser
import Encoding
import PolicyTools

struct PolicyLintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Find what is wrong with key policies and IAM policies.",
        discussion: """
            Says what AWS or the broker refuses; what does not do what it says (names and values that do not exist,
            condition keys that are never there); and what is open that attestation was to close. Each finding has a
            stable code; docs/POLICIES.md explains them all. FILE may be - for standard input.

              keybroker policy lint key-policy.json role-policy.json

            Exit status: 0 no errors (with --strict: no warnings either); 1 errors; 2 a file that cannot be read.
            """
    )

    /// What a policy is, or `guess`.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case key, identity, trust, guess
    }

    @Argument(help: ArgumentHelp("Policies, JSON.", valueName: "FILE"))
    var files: [String]

    @Option(help: ArgumentHelp("Whose policy: key, identity, trust (of a role), or guess.", valueName: "KIND"))
    var kind = Kind.guess

    @Option(name: .customLong("key-arn"), help: ArgumentHelp("The key that it is about.", valueName: "ARN"))
    var keyARN: String?

    @Flag(help: "Print JSON: docs/reference/policy-lint.schema.json.")
    var json = false

    @Flag(help: "Warnings are failures too.")
    var strict = false

    func run() throws {
        let reports = try files.map { file in
            (
                file: file,
                report: PolicyLint.check(
                    try InputFile.read(file),
                    kind: PolicyLint.Kind(rawValue: kind.rawValue),
                    keyARN: keyARN
                )
            )
        }
        if json {
            Console.json(.object(JSONObject([("files", .array(reports.map { Self.json($0.file, $0.report) }))])))
        } else {
            for (file, report) in reports { Self.print(file, report) }
        }
        let fatal: Set<PolicyFinding.Severity> = strict ? [.error, .warning] : [.error]
        guard reports.allSatisfy({ $0.report.findings.allSatisfy { !fatal.contains($0.fault.severity) } }) else {
            throw CommandFailure.reported
        }
    }

    // MARK: For people

    private static func print(_ file: String, _ report: PolicyLint.Report) {
        let counts = PolicyFinding.Severity.allCases.compactMap { severity -> String? in
            let count = report.findings.count { $0.fault.severity == severity }
            return count == 0 ? nil : "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
        }
        let summary = counts.isEmpty ? "nothing found" : counts.joined(separator: ", ")
        Console.line("\(Console.printable(file)) (\(report.kind.rawValue) policy): \(summary)")
        for finding in report.findings {
            let code = Console.styled("\(finding.fault.severity.rawValue): \(finding.fault.rawValue)", finding.style)
            let place = Console.printable(finding.path.isEmpty ? "the policy" : finding.path)
            let sid = finding.sid.map { " \"\(Console.printable($0, limit: 64))\"" } ?? ""
            Console.line("  \(code)  \(place)\(sid)")
            Console.line("    \(Console.printable(finding.problem))")
            Console.line("    mend: \(Console.printable(finding.mend))")
        }
    }

    // MARK: For programs

    private static func json(_ file: String, _ report: PolicyLint.Report) -> JSON {
        [
            "file": .string(file),
            "kind": .string(report.kind.rawValue),
            "valid": .bool(report.isValid),
            "findings": .array(
                report.findings.map { finding in
                    [
                        "code": .string(finding.fault.rawValue),
                        "severity": .string(finding.fault.severity.rawValue),
                        "statement": finding.statement.map { .number(JSONNumber(Int64($0))) } ?? .null,
                        "sid": finding.sid.map(JSON.string) ?? .null,
                        "path": .string(finding.path),
                        "problem": .string(finding.problem),
                        "mend": .string(finding.mend),
                    ]
                }
            ),
        ]
    }
}

extension PolicyFinding {
    fileprivate var style: Console.Style {
        switch fault.severity {
        case .error: .red
        case .warning: .yellow
        case .note: .dim
        }
    }
}
