// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Reads the grammar of IAM's JSON policy language (IAM User Guide, "Grammar of the IAM JSON policy language").
struct PolicyParser {
    private let kind: PolicyDocument.Kind
    private let version: PolicyVersion

    static func parse(_ json: [UInt8], kind: PolicyDocument.Kind) throws(PolicySyntaxError) -> [Statement] {
        let value: JSON
        do {
            value = try JSON.parse(
                json,
                limits: JSONLimits(totalLength: PolicyLimits.length, depth: PolicyLimits.depth)
            )
        } catch {
            throw PolicySyntaxError(path: "", reason: "not JSON at byte \(error.offset): \(error.code.rawValue)")
        }
        // PolicyType in the KMS service model: [\u0009\u000A\u000D\u0020-\u00FF]+.
        let isPlain = String(decoding: json, as: UTF8.self).unicodeScalars.allSatisfy {
            (0x20...0xFF).contains($0.value) || [0x09, 0x0A, 0x0D].contains($0.value)
        }
        guard isPlain else { throw PolicySyntaxError(path: "", reason: "characters above U+00FF are not allowed") }
        guard let document = value.object else { throw PolicySyntaxError(path: "", reason: "must be an object") }
        try checkMembers(document, allowed: ["Version", "Id", "Statement"], path: "")

        var version = PolicyVersion.v2008
        if let member = document["Version"] {
            guard let named = member.string.flatMap(PolicyVersion.init(rawValue:)) else {
                throw PolicySyntaxError(path: "Version", reason: "must be 2012-10-17 or 2008-10-17")
            }
            version = named
        }
        if let id = document["Id"], id.string == nil { throw PolicySyntaxError(path: "Id", reason: "must be a string") }
        return try PolicyParser(kind: kind, version: version).statements(document["Statement"])
    }

    private func statements(_ value: JSON?) throws(PolicySyntaxError) -> [Statement] {
        guard let value else { throw PolicySyntaxError(path: "Statement", reason: "is missing") }
        if let object = value.object { return [try statement(object, path: "Statement")] }
        guard let array = value.array, !array.isEmpty else {
            throw PolicySyntaxError(path: "Statement", reason: "must be an object or a list of objects")
        }
        var statements: [Statement] = []
        var sids: Set<String> = []
        for (index, element) in array.enumerated() {
            let path = "Statement[\(index)]"
            guard let object = element.object else { throw PolicySyntaxError(path: path, reason: "must be an object") }
            statements.append(try statement(object, path: path))
            // IAM User Guide, "Sid": unique within a policy.
            if let sid = object["Sid"]?.string, !sid.isEmpty, !sids.insert(sid).inserted {
                throw PolicySyntaxError(path: "\(path).Sid", reason: "appears twice")
            }
        }
        return statements
    }

    private func statement(_ object: JSONObject, path: String) throws(PolicySyntaxError) -> Statement {
        try Self.checkMembers(
            object,
            allowed: [
                "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
                "Condition",
            ],
            path: path
        )
        if let sid = object["Sid"], sid.string == nil {
            throw PolicySyntaxError(path: "\(path).Sid", reason: "must be a string")
        }
        guard let effect = object["Effect"]?.string.flatMap(Statement.Effect.init(rawValue:)) else {
            throw PolicySyntaxError(path: "\(path).Effect", reason: "must be Allow or Deny")
        }
        return Statement(
            effect: effect,
            principal: try principal(object, effect: effect, path: path),
            actions: try actions(object, path: path),
            resources: try resources(object, path: path),
            conditions: try conditions(object["Condition"], path: "\(path).Condition")
        )
    }

    // MARK: Principal

    private func principal(_ object: JSONObject, effect: Statement.Effect, path: String) throws(PolicySyntaxError)
        -> PrincipalElement?
    {
        if kind == .identity {
            for name in ["Principal", "NotPrincipal"] where object[name] != nil {
                throw PolicySyntaxError(path: "\(path).\(name)", reason: "has no place in an identity policy")
            }
            return nil
        }
        guard let (name, isNegated, value) = try Self.either(object, "Principal", path: path) else { return nil }
        let path = "\(path).\(name)"
        // IAM User Guide, "NotPrincipal": "must be used with "Effect":"Deny"".
        guard !isNegated || effect == .deny else {
            throw PolicySyntaxError(path: path, reason: "goes with Deny only")
        }
        if value.string == "*" { return PrincipalElement(isNegated: isNegated, entries: [.anyone]) }
        guard let object = value.object, !object.members.isEmpty else {
            throw PolicySyntaxError(path: path, reason: "must be \"*\" or an object such as {\"AWS\": …}")
        }
        try Self.checkMembers(object, allowed: ["AWS", "Federated", "Service", "CanonicalUser"], path: path)
        var entries: [PrincipalElement.Entry] = []
        for member in object.members {
            let path = "\(path).\(member.name)"
            for text in try Self.strings(member.value, path: path) {
                entries.append(member.name == "AWS" ? try awsPrincipal(text, path: path) : .nobody)
            }
        }
        return PrincipalElement(isNegated: isNegated, entries: entries)
    }

    private func awsPrincipal(_ text: String, path: String) throws(PolicySyntaxError) -> PrincipalElement.Entry {
        if text == "*" { return .anyone }
        if PrincipalARN.isAccount(text) { return .account(text) }
        guard let arn = PrincipalARN(text) else {
            throw PolicySyntaxError(
                path: path,
                reason: "must be *, an account, or the ARN of a root, user, role or session without wildcards"
            )
        }
        return arn.kind == .root ? .account(arn.account) : .identity(arn)
    }

    // MARK: Action and Resource

    private func actions(_ object: JSONObject, path: String) throws(PolicySyntaxError) -> PatternElement {
        let (path, isNegated, texts) = try Self.texts(object, "Action", path: path)
        var patterns: [WildcardPattern] = []
        for text in texts { patterns.append(try action(text, path: path)) }
        return PatternElement(isNegated: isNegated, patterns: patterns)
    }

    private func resources(_ object: JSONObject, path: String) throws(PolicySyntaxError) -> PatternElement {
        let (path, isNegated, texts) = try Self.texts(object, "Resource", path: path)
        var patterns: [WildcardPattern] = []
        var templates: [PolicyTemplate] = []
        for text in texts {
            let template = try resource(text, path: path)
            if let constant = template.constant {
                patterns.append(WildcardPattern(constant))
            } else {
                templates.append(template)
            }
        }
        return PatternElement(isNegated: isNegated, patterns: patterns, templates: templates)
    }

    /// `*` or `service:Name`, with wildcards; no case.
    private func action(_ text: String, path: String) throws(PolicySyntaxError) -> WildcardPattern {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isAllowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "*?:-_".utf8.contains(byte)
            }
        }
        guard isAllowed, text == "*" || (parts.count == 2 && parts.allSatisfy { !$0.isEmpty }) else {
            throw PolicySyntaxError(path: path, reason: "must be * or an action such as kms:Sign")
        }
        return WildcardPattern(text.lowercased().unicodeScalars)
    }

    /// `*` or an ARN, with wildcards and variables.
    private func resource(_ text: String, path: String) throws(PolicySyntaxError) -> PolicyTemplate {
        guard text == "*" || text.hasPrefix("arn:") else {
            throw PolicySyntaxError(path: path, reason: "must be * or an ARN")
        }
        guard let template = PolicyTemplate(text, version: version) else {
            throw PolicySyntaxError(path: path, reason: "has a policy variable that is none")
        }
        return template
    }

    // MARK: Condition

    private func conditions(_ value: JSON?, path: String) throws(PolicySyntaxError) -> [Condition] {
        guard let value else { return [] }
        guard let operators = value.object else { throw PolicySyntaxError(path: path, reason: "must be an object") }
        var conditions: [Condition] = []
        for member in operators.members {
            let path = "\(path).\(member.name)"
            guard let conditionOperator = ConditionOperator(member.name) else {
                throw PolicySyntaxError(path: path, reason: "is not a condition operator that is supported")
            }
            guard let keys = member.value.object, !keys.members.isEmpty else {
                throw PolicySyntaxError(path: path, reason: "must be an object with at least one condition key")
            }
            for key in keys.members {
                conditions.append(
                    try condition(conditionOperator, key: key.name, key.value, path: "\(path).\(key.name)")
                )
            }
        }
        return conditions
    }

    private func condition(_ conditionOperator: ConditionOperator, key: String, _ value: JSON, path: String)
        throws(PolicySyntaxError) -> Condition
    {
        guard key.contains(":") else {
            throw PolicySyntaxError(path: path, reason: "must be a condition key such as kms:SigningAlgorithm")
        }
        var values: [ConditionValue] = []
        for element in value.array ?? [value] {
            let text: String
            switch element {
            case .string(let string): text = string
            case .bool(let bool): text = bool ? "true" : "false"
            case .number(let number): text = number.text
            default: throw PolicySyntaxError(path: path, reason: "must be a value or a list of values")
            }
            guard let ready = ConditionValue(text, comparison: conditionOperator.comparison, version: version) else {
                throw PolicySyntaxError(
                    path: path,
                    reason: "has a value that the operator cannot compare, or a policy variable that is none"
                )
            }
            values.append(ready)
        }
        guard !values.isEmpty else { throw PolicySyntaxError(path: path, reason: "must have a value") }
        return Condition(conditionOperator: conditionOperator, key: caseFolded(key), values: values)
    }

    // MARK: Shapes

    private static func checkMembers(_ object: JSONObject, allowed: Set<String>, path: String)
        throws(PolicySyntaxError)
    {
        for member in object.members where !allowed.contains(member.name) {
            throw PolicySyntaxError(
                path: path.isEmpty ? member.name : "\(path).\(member.name)",
                reason: "is not an element of a policy"
            )
        }
    }

    /// `Name` or `NotName`: exactly one of them.
    private static func either(_ object: JSONObject, _ name: String, path: String) throws(PolicySyntaxError)
        -> (name: String, isNegated: Bool, value: JSON)?
    {
        switch (object[name], object["Not\(name)"]) {
        case (let value?, nil): return (name, false, value)
        case (nil, let value?): return ("Not\(name)", true, value)
        default: throw PolicySyntaxError(path: path, reason: "must have either \(name) or Not\(name)")
        }
    }

    /// The texts of `Name` or `NotName`, and their path.
    private static func texts(_ object: JSONObject, _ name: String, path: String) throws(PolicySyntaxError)
        -> (path: String, isNegated: Bool, texts: [String])
    {
        guard let (name, isNegated, value) = try either(object, name, path: path) else { return (path, false, []) }
        let path = "\(path).\(name)"
        return (path, isNegated, try strings(value, path: path))
    }

    /// A string, or a list of at least one.
    private static func strings(_ value: JSON, path: String) throws(PolicySyntaxError) -> [String] {
        let elements = value.array ?? [value]
        let strings = elements.compactMap(\.string)
        guard !strings.isEmpty, strings.count == elements.count else {
            throw PolicySyntaxError(path: path, reason: "must be a string or a list of strings")
        }
        return strings
    }
}
