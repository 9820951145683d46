// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding

/// Finds what is wrong with a policy, as far as its text alone tells.
///
/// It says more than ``PolicyDocument``, which stops at the first thing that AWS would refuse, and nothing else: a policy
/// is valid if and only if that one takes it.
package enum PolicyLint: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Of a KMS key, or of a key of the broker.
        case key
        /// Of a role, a user, or a principal of the broker.
        case identity
        /// Who may assume a role. KMS never sees it.
        case trust
    }

    package struct Report: Sendable {
        package let kind: Kind
        /// Whether AWS and the broker take the policy.
        package let isValid: Bool
        /// In the order of the statements; those about the whole document first.
        package let findings: [PolicyFinding]
    }

    /// - Parameters:
    ///   - json: The policy's text.
    ///   - kind: Nil to guess: a policy with principals is a key's.
    ///   - keyARN: The key that a key policy is for, or that an identity policy should be about.
    /// - Returns: All that is wrong, and whether the policy is valid all the same.
    package static func check(_ json: [UInt8], kind: Kind? = nil, keyARN: String? = nil) -> Report {
        let object: JSONObject
        do {
            let limits = JSONLimits(totalLength: PolicyLimits.length, depth: PolicyLimits.depth)
            guard let document = try JSON.parse(json, limits: limits).object else {
                return refused("The policy is JSON, but no object.", kind)
            }
            object = document
        } catch {
            return refused("AWS refuses this JSON: \(error.code.rawValue) at byte \(error.offset).", kind)
        }
        let document = LintDocument(object, kind: kind)
        let refusal = self.refusal(of: document, json)
        var report = LintReport(document)
        report.checkShape(length: json.count)
        report.checkNames()
        report.checkValues()
        report.checkPresence()
        switch document.kind {
        case .key:
            report.checkMeasurements()
            report.checkEnforcement()
            report.checkPrincipals()
            report.checkKeyResources(keyARN: keyARN)
            if refusal == nil, let policy = try? PolicyDocument(json, kind: .key) { report.checkLockOut(policy) }
        case .identity:
            report.checkMeasurements()
            report.checkIdentityActions()
            report.checkIdentityResources(keyARN: keyARN)
        case .trust: report.checkTrust()
        }
        if let refusal { report.add(refusal) }
        return Report(kind: document.kind, isValid: refusal == nil, findings: report.sorted)
    }

    /// What the parser that decides says. A trust policy is read as a key policy that has its resources.
    private static func refusal(of document: LintDocument, _ json: [UInt8]) -> PolicySyntaxError? {
        do {
            switch document.kind {
            case .key: _ = try PolicyDocument(json, kind: .key)
            case .identity: _ = try PolicyDocument(json, kind: .identity)
            case .trust: _ = try PolicyDocument(JSON.object(document.withResources).serialized(), kind: .key)
            }
            return nil
        } catch {
            return error
        }
    }

    private static func refused(_ problem: String, _ kind: Kind?) -> Report {
        let finding = PolicyFinding(
            fault: .notJSON,
            statement: nil,
            sid: nil,
            path: "",
            problem: problem,
            mend: "Strict JSON in UTF-8: no comments, no trailing commas, no name twice, no typographic quotes."
        )
        return Report(kind: kind ?? .key, isValid: false, findings: [finding])
    }
}

extension LintDocument {
    /// The document with `"Resource": "*"` in each statement, which a trust policy does without.
    fileprivate var withResources: JSONObject {
        var copy = object
        copy["Statement"] = .array(
            statements.map { statement in
                var object = statement.object
                object["Resource"] = "*"
                return .object(object)
            }
        )
        return copy
    }
}

/// The findings of one policy, while they are collected. Extensions have the rules, by subject.
struct LintReport: Sendable {
    let document: LintDocument
    private var findings: [PolicyFinding] = []

    init(_ document: LintDocument) { self.document = document }

    mutating func add(
        _ fault: PolicyFault,
        _ statement: LintStatement?,
        path: String? = nil,
        _ problem: String,
        mend: String
    ) {
        findings.append(
            PolicyFinding(
                fault: fault,
                statement: statement?.index,
                sid: statement?.sid,
                path: path ?? statement?.path ?? "",
                problem: problem,
                mend: mend
            )
        )
    }

    /// What the parser refuses, unless a rule has said it better already.
    mutating func add(_ refusal: PolicySyntaxError) {
        let isKnown = findings.contains { finding in
            finding.fault.severity == .error && !finding.path.isEmpty
                && (finding.path.hasPrefix(refusal.path) || refusal.path.hasPrefix(finding.path))
        }
        guard !isKnown || refusal.path.isEmpty else { return }
        add(
            .malformedPolicy,
            document.statements.first { refusal.path.hasPrefix($0.path) },
            path: refusal.path,
            "AWS or the broker refuses this policy: \(refusal).",
            mend: "Follow the grammar of IAM's JSON policy language (IAM User Guide)."
        )
    }

    var sorted: [PolicyFinding] {
        findings.enumerated()
            .sorted { ($0.element.statement ?? -1, $0.offset) < ($1.element.statement ?? -1, $1.offset) }
            .map(\.element)
    }
}
