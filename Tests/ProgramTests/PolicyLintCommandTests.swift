// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker policy lint` as a user runs it.
struct PolicyLintCommandTests {
    private static let policies = SharedData.repository.appendingPathComponent("docs/policies").path

    private static func lint(_ arguments: [String], input: String = "") async throws -> Tool.Result {
        try await Programs.run(["keybroker", "policy", "lint"] + arguments, input: Array(input.utf8))
    }

    /// The account's IAM policies beside a conditioned role.
    private static let bypass = """
        {"Version": "2012-10-17", "Statement": [
          {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
           "Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
          {"Sid": "Enclave", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
           "Principal": {"AWS": "arn:aws:iam::111122223333:role/instance"},
           "Condition": {"StringEqualsIgnoreCase": {
             "kms:RecipientAttestation:ImageSha384": "\(String(repeating: "ab", count: 48))",
             "kms:RecipientAttestation:PCR16": "\(String(repeating: "cd", count: 48))"}}}]}
        """

    @Test func `published policies pass, warnings included`() async throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.policies)
            .filter { $0.hasSuffix(".json") && !$0.hasSuffix(".cases.json") }
        let result = try await Self.lint(["--strict"] + names.sorted().map { "\(Self.policies)/\($0)" })
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.split(separator: "\n").allSatisfy { $0.hasSuffix(": nothing found") })
    }

    @Test func `a way past attestation is an error, with its statement and its mend`() async throws {
        let result = try await Self.lint(["-"], input: Self.bypass)
        #expect(result.status == 1)
        #expect(result.errors.isEmpty)
        #expect(result.text.contains("error: attestation-not-enforced  Statement[0] \"Enable IAM User Permissions\""))
        #expect(result.text.contains("mend: Add a Deny of kms:Decrypt"))
    }

    @Test func `JSON has every finding`() async throws {
        let result = try await Self.lint(["--json", "-", "\(Self.policies)/audit-signer.key.json"], input: Self.bypass)
        #expect(result.status == 1)
        let files = try #require(try JSON.parse(result.output).object?["files"]?.array)
        #expect(files.count == 2)
        let first = try #require(files.first?.object)
        #expect(first["file"] == "-" && first["kind"] == "key" && first["valid"] == true)
        let finding = try #require(first["findings"]?.array?.first?.object)
        #expect(finding.members.map(\.name) == ["code", "severity", "statement", "sid", "path", "problem", "mend"])
        #expect(finding["code"] == "attestation-not-enforced" && finding["statement"] == 0)
        #expect(files.last?.object?["findings"] == [])
    }

    @Test func `a warning fails only when it is to`() async throws {
        let policy = """
            {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:Sign","Resource":"*"}}
            """
        #expect(try await Self.lint(["-"], input: policy).status == 0)
        #expect(try await Self.lint(["--strict", "-"], input: policy).status == 1)
    }

    @Test func `a file that cannot be read is a usage error`() async throws {
        let result = try await Self.lint(["/nonexistent/policy.json"])
        #expect(result.status == 2)
        #expect(result.errors.contains("/nonexistent/policy.json"))
    }
}
