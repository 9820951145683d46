// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding

/// A policy read as far as it can be read: what is of a wrong shape is left out, so that one fault does not hide others.
/// Whether the policy is valid is for ``PolicyParser`` to say.
struct LintDocument: Sendable {
    let object: JSONObject
    let kind: PolicyLint.Kind
    let version: PolicyVersion
    let statements: [LintStatement]

    init(_ object: JSONObject, kind: PolicyLint.Kind?) {
        self.object = object
        version = object["Version"]?.string.flatMap(PolicyVersion.init(rawValue:)) ?? .v2008
        let list = object["Statement"]?.array
        let elements = list ?? object["Statement"].map { [$0] } ?? []
        statements = elements.enumerated().compactMap { index, element in
            element.object.map {
                LintStatement($0, index: index, path: list == nil ? "Statement" : "Statement[\(index)]")
            }
        }
        self.kind = kind ?? Self.guess(statements)
    }

    /// A policy with principals is a key's; if it is about roles being assumed, a role's trust policy.
    private static func guess(_ statements: [LintStatement]) -> PolicyLint.Kind {
        guard statements.contains(where: { $0.principals != nil }) else { return .identity }
        let actions = statements.flatMap(\.actions.texts)
        return !actions.isEmpty && actions.allSatisfy { $0.lowercased().hasPrefix("sts:") } ? .trust : .key
    }

    /// Statements that grant or refuse, by effect.
    var allows: [LintStatement] { statements.filter { $0.effect == .allow } }
    var denies: [LintStatement] { statements.filter { $0.effect == .deny } }
}

struct LintStatement: Sendable {
    let object: JSONObject
    let index: Int
    let path: String
    let sid: String?
    /// Nil if it is neither Allow nor Deny.
    let effect: Statement.Effect?
    /// Nil for a statement without Principal.
    let principals: LintPrincipals?
    let actions: LintNames
    let resources: LintNames
    let conditions: [LintCondition]

    init(_ object: JSONObject, index: Int, path: String) {
        self.object = object
        self.index = index
        self.path = path
        sid = object["Sid"]?.string
        effect = object["Effect"]?.string.flatMap(Statement.Effect.init(rawValue:))
        principals = LintPrincipals(object, path: path)
        actions = LintNames(object, "Action", path: path)
        resources = LintNames(object, "Resource", path: path)
        conditions = (object["Condition"]?.object?.members ?? []).flatMap { member in
            (member.value.object?.members ?? []).map { key in
                LintCondition(
                    name: member.name,
                    key: key.name,
                    key.value,
                    path: "\(path).Condition.\(member.name).\(key.name)"
                )
            }
        }
    }

    /// Actions of KMS and of the broker that the statement is about, as the vocabulary spells them.
    func covered(_ actions: [String] = PolicyVocabulary.actions) -> [String] { actions.filter(covers) }

    func covers(_ action: String) -> Bool { actions.match(action) }

    /// `*` or `kms:*`, or everything but.
    var isAboutAllActions: Bool {
        actions.isNegated || actions.texts.contains { $0 == "*" || $0.lowercased() == "kms:*" }
    }

    var attestationConditions: [LintCondition] { conditions.filter(\.isAboutAttestation) }
}

/// Action or Resource, or its complement.
struct LintNames: Sendable {
    let isNegated: Bool
    let texts: [String]
    let path: String
    private let patterns: [WildcardPattern]

    init(_ object: JSONObject, _ name: String, path: String) {
        let negated = object["Not\(name)"]
        isNegated = object[name] == nil && negated != nil
        self.path = "\(path).\(isNegated ? "Not" : "")\(name)"
        texts = LintNames.strings(object[name] ?? negated)
        patterns = texts.map { WildcardPattern(caseFolded($0)) }
    }

    /// Without regard to case, as actions are compared.
    func match(_ text: String) -> Bool {
        // A statement that names nothing is refused, and about nothing.
        guard !texts.isEmpty else { return false }
        let folded = caseFolded(text)
        return patterns.contains { $0.matches(folded) } != isNegated
    }

    static func strings(_ value: JSON?) -> [String] {
        guard let value else { return [] }
        return (value.array ?? [value]).compactMap(\.string)
    }
}

/// Principal or NotPrincipal.
struct LintPrincipals: Sendable {
    let isNegated: Bool
    let isAnyone: Bool
    /// What stands under `AWS`.
    let aws: [String]
    let federated: [String]
    let path: String

    init?(_ object: JSONObject, path: String) {
        guard let value = object["Principal"] ?? object["NotPrincipal"] else { return nil }
        isNegated = object["Principal"] == nil
        self.path = "\(path).\(isNegated ? "Not" : "")Principal"
        aws = LintNames.strings(value.object?["AWS"]).filter { $0 != "*" }
        federated = LintNames.strings(value.object?["Federated"])
        isAnyone = value.string == "*" || LintNames.strings(value.object?["AWS"]).contains("*")
    }

    /// Accounts, by id or root: whom they name their own policies must let in too.
    var accounts: [String] { aws.compactMap(Self.account) }
    var others: [String] { aws.filter { Self.account($0) == nil } }

    /// Whether a Deny of these reaches all that an Allow of those lets in.
    func cover(_ allowed: LintPrincipals) -> Bool {
        if isNegated { return !allowed.aws.contains(where: aws.contains) }
        if isAnyone { return true }
        guard !allowed.isAnyone else { return false }
        return allowed.aws.allSatisfy { entry in
            aws.contains(entry) || accounts.contains { $0 == Self.account(entry) || $0 == PrincipalARN(entry)?.account }
        }
    }

    private static func account(_ entry: String) -> String? {
        if PrincipalARN.isAccount(entry) { return entry }
        guard entry.hasPrefix("arn:"), entry.hasSuffix(":root") else { return nil }
        let fields = entry.split(separator: ":", omittingEmptySubsequences: false)
        return fields.count == 6 ? String(fields[4]) : nil
    }
}
