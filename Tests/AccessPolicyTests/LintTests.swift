// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import BrokerProtocol
import Encoding
import Foundation
import PolicyTools
import TestSupport
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

    // MARK: Names, against what knows them

    private static let script = """
        import json, sys
        import botocore.session
        model = botocore.session.get_session().get_service_model("kms")
        shapes = {"kms:SigningAlgorithm": "SigningAlgorithmSpec", "kms:MacAlgorithm": "MacAlgorithmSpec",
                  "kms:EncryptionAlgorithm": "EncryptionAlgorithmSpec", "kms:MessageType": "MessageType",
                  "kms:KeySpec": "KeySpec", "kms:KeyUsage": "KeyUsageType", "kms:KeyOrigin": "OriginType",
                  "kms:DataKeyPairSpec": "DataKeyPairSpec", "kms:KeyAgreementAlgorithm": "KeyAgreementAlgorithmSpec"}
        json.dump({"operations": list(model.operation_names),
                   "values": {key: list(model.shape_for(name).enum) for key, name in shapes.items()}}, sys.stdout)
        """

    @Test(.enabled(if: Tool.pythonHas("botocore"), "python3 has no botocore"))
    func `operations and values of the service model are known, and nothing near them`() async throws {
        let model = try #require(try JSON.parse(try await Tool.python(Self.script)).object)
        let operations = try #require(model["operations"]?.array).compactMap(\.string)
        #expect(operations.count > 50)
        // ReEncrypt is authorised as two actions.
        for operation in operations where operation != "ReEncrypt" {
            #expect(!Self.faults(#""kms:\#(operation)""#).contains(.unknownAction), "\(operation)")
            #expect(Self.faults(#""kms:\#(operation)s""#).contains(.unknownAction), "\(operation)")
        }
        for member in try #require(model["values"]?.object).members {
            for value in try #require(member.value.array).compactMap(\.string) {
                let known = Self.faults(#""kms:*""#, condition: condition("StringEquals", [member.name: value]))
                #expect(!known.contains(.unknownValue), "\(member.name) \(value)")
                let other = Self.faults(#""kms:*""#, condition: condition("StringEquals", [member.name: value + "0"]))
                #expect(other.contains(.unknownValue), "\(member.name) \(value)")
            }
        }
    }

    @Test(arguments: BrokerOperation.allCases)
    func `operations of the broker are known`(operation: BrokerOperation) {
        #expect(!Self.faults("\"\(operation.action)\"").contains(.unknownAction))
    }

    @Test func `the reference has a line for each code, with its severity`() throws {
        let page = SharedData.repository.appendingPathComponent("docs/POLICIES.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        for fault in PolicyFault.allCases {
            #expect(text.contains("| `\(fault.rawValue)` | \(fault.severity.rawValue) |"), "\(fault.rawValue)")
        }
    }

    private static func faults(_ action: String, condition: String? = nil) -> [PolicyFault] {
        PolicyLint.check(identity(action, condition: condition)).findings.map(\.fault)
    }
}
