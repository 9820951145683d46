// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Testing

struct LintTests {
    @Test(arguments: lintVectors)
    func `a policy with one fault has that finding alone`(vector: LintVector) throws {
        let report = PolicyLint.check(vector.json)
        let codes = Set(report.findings.map(\.fault.rawValue))
        #expect(codes == [vector.fault.rawValue], "\(report.findings)")
        let finding = try #require(report.findings.first)
        #expect(finding.statement == vector.statement)
        #expect(!finding.problem.isEmpty && !finding.mend.isEmpty)
        if let name = vector.proposes { #expect(finding.mend.contains(name), "\(finding.mend)") }
    }

    @Test func `every fault has a vector`() {
        let covered = Set(lintVectors.map(\.fault))
        #expect(PolicyFault.allCases.filter { !covered.contains($0) }.map(\.rawValue) == [])
    }

    @Test(arguments: cleanPolicies)
    func `a policy without fault has no finding`(json: [UInt8]) {
        let report = PolicyLint.check(json)
        #expect(report.isValid)
        #expect(report.findings.isEmpty, "\(report.findings)")
    }

    @Test(arguments: lintVectors)
    func `a policy is valid if and only if the parser takes it`(vector: LintVector) {
        let report = PolicyLint.check(vector.json)
        guard report.kind != .trust else { return }
        let isTaken =
            (try? PolicyDocument(vector.json, kind: report.kind == .key ? .key : .identity)) != nil
        #expect(report.isValid == isTaken)
        // What the parser refuses never goes without an error.
        #expect(report.isValid || report.findings.contains { $0.fault.severity == .error })
    }

    @Test func `several faults are all found, in a policy that is refused`() {
        let json = policy(
            statement("Allow", principal: #"{"AWS":"arn:aws:iam::ACCOUNT:root"}"#),
            statement(
                "Allow",
                principal: #"{"AWS":"arn:aws:iam::ACCOUNT:role/signer"}"#,
                action: #"["kms:Decypt","kms:Sign"]"#,
                resource: #""arn:aws:kms:us-east-1:111122223333:alias/audit""#,
                condition: condition("StringsEqual", ["kms:SigningAlgorithm": "Ed25519"])
            )
        )
        let report = PolicyLint.check(json)
        #expect(!report.isValid)
        #expect(
            report.findings.map(\.fault) == [
                .placeholder, .placeholder, .unknownAction, .unknownOperator, .aliasAsResource,
            ]
        )
    }

    @Test func `the kind is guessed by the principals`() {
        #expect(PolicyLint.check(policy(enableIAM)).kind == .key)
        #expect(PolicyLint.check(identity()).kind == .identity)
        #expect(PolicyLint.check(trust("{}")).kind == .trust)
    }

    @Test func `a kind that is named is not guessed`() {
        let report = PolicyLint.check(policy(enableIAM), kind: .identity)
        #expect(!report.isValid)
        #expect(report.findings.contains { $0.fault == .malformedPolicy })
    }

    @Test func `the key's own ARN is a resource of its policy`() {
        let json = policy(
            enableIAM,
            statement("Allow", principal: signer, action: #""kms:Sign""#, resource: #""\#(keyARN)""#)
        )
        #expect(PolicyLint.check(json, keyARN: keyARN).findings.isEmpty)
        #expect(PolicyLint.check(json, keyARN: keyARN + "0").findings.map(\.fault) == [.keyPolicyResource])
    }

    @Test func `texts of the policy reach messages bounded and without control characters`() {
        let report = PolicyLint.check(identity(#"["kms:Sign","kms:\u001b[2J\#(String(repeating: "x", count: 500))"]"#))
        #expect(report.findings.allSatisfy { $0.problem.utf8.count < 300 })
        #expect(report.findings.allSatisfy { !$0.problem.utf8.contains(0x1B) })
    }
}
