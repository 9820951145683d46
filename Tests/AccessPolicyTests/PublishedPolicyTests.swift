// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import Foundation
import PolicyTools
import TestSupport
import Testing

/// docs/policies: each policy against the cases beside it.
struct PublishedPolicyTests {
    static let folder = SharedData.repository.appendingPathComponent("docs/policies")
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    static let cases = names.filter { $0.hasSuffix(".cases.json") }
    static let policies = names.filter { $0.hasSuffix(".json") && !$0.hasSuffix(".cases.json") }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    @Test(arguments: policies)
    func `a published policy has no finding`(name: String) throws {
        let report = PolicyLint.check(try Self.bytes(name))
        #expect(report.isValid)
        #expect(report.findings.isEmpty, "\(report.findings)")
        let kind = name.hasSuffix(".iam.json") ? PolicyLint.Kind.identity : name.hasSuffix(".key.json") ? .key : .trust
        #expect(report.kind == kind)
    }

    @Test(arguments: cases)
    func `a published policy allows what its cases allow, and nothing that they deny`(name: String) throws {
        let file = try #require(try JSON.parse(Self.bytes(name)).object)
        let key = try file["policies"]?.object?["key"].map { try PolicyDocument(Self.policy($0), kind: .key) }
        let cases = try #require(file["cases"]?.array)
        #expect(cases.count > 2)
        for element in cases {
            let item = try #require(element.object)
            let principal = try #require(item["principal"]?.string)
            let request = try Self.request(item, principal: principal)
            var identity: [PolicyDocument] = []
            for policy in Self.identityPolicies(file["policies"]?.object?["identity"], of: principal) {
                identity.append(try PolicyDocument(Self.policy(policy), kind: .identity))
            }
            let decision = AccessEvaluator.evaluate(
                request,
                keyPolicy: key,
                identityPolicies: identity
            )
            #expect(decision.word == item["expect"]?.string, "\(item["name"]?.string ?? "")")
        }
    }

    @Test func `every published policy is named by cases, and explained`() throws {
        let readme = String(decoding: try Self.bytes("README.md"), as: UTF8.self)
        let all = try Self.cases.map { String(decoding: try Self.bytes($0), as: UTF8.self) }.joined()
        for name in Self.policies {
            #expect(all.contains("\"\(name)\""), "\(name)")
            #expect(readme.contains("`\(name)`"), "\(name)")
        }
        #expect(Self.policies.count == 8)
    }

    // MARK: Cases (docs/reference/policy-cases.schema.json)

    /// Inline, or by name. A trust policy, which has no resources and whose principal is an identity provider, is read as
    /// a key policy for anyone: its conditions are what is judged.
    private static func policy(_ value: JSON) throws -> [UInt8] {
        guard let name = value.string else { return value.serialized() }
        guard name.hasSuffix(".trust.json"), var document = try JSON.parse(bytes(name)).object else {
            return try bytes(name)
        }
        document["Statement"] = .array(
            (document["Statement"]?.array ?? []).map { statement in
                var object = statement.object ?? JSONObject()
                object["Resource"] = "*"
                object["Principal"] = "*"
                return .object(object)
            }
        )
        return JSON.object(document).serialized()
    }

    private static func identityPolicies(_ value: JSON?, of principal: String) -> [JSON] {
        guard let byPrincipal = value?.object else { return value?.array ?? [] }
        return byPrincipal[principal]?.array ?? []
    }

    /// The role's ARN of a session's.
    private static func role(of principal: String) -> String {
        let parts = principal.split(separator: "/")
        guard principal.contains(":assumed-role/"), parts.count == 3 else { return principal }
        return parts[0].replacing("arn:aws:sts:", with: "arn:aws:iam:").replacing("assumed-role", with: "role")
            + "/\(parts[1])"
    }

    private static func request(_ item: JSONObject, principal: String) throws -> AccessRequest {
        let account = String(principal.split(separator: ":")[3])
        let resource = item["resource"]?.string ?? "*"
        var keys: [String: [String]] = [
            "aws:PrincipalArn": [role(of: principal)], "aws:PrincipalAccount": [account],
            "kms:CallerAccount": [account], "aws:SecureTransport": ["true"],
        ]
        for member in item["conditions"]?.object?.members ?? [] {
            keys[member.name] = member.value.string.map { [$0] } ?? member.value.array?.compactMap(\.string)
        }
        return AccessRequest(
            principal: principal,
            principalAccount: account,
            action: try #require(item["action"]?.string),
            resource: resource,
            resourceAccount: account,
            conditionKeys: keys
        )
    }
}

extension AccessDecision {
    fileprivate var word: String {
        switch self {
        case .allowed: "allowed"
        case .explicitDeny: "explicitDeny"
        case .implicitDeny: "implicitDeny"
        }
    }
}
