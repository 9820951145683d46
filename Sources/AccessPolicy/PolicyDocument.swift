// SPDX-License-Identifier: Apache-2.0

import Encoding

/// One policy document: an IAM policy (no Principal) or a key policy (Principal required).
package struct PolicyDocument: Sendable {
    package enum Kind: Sendable {
        case identity
        case key
    }

    let statements: [Statement]
    /// Every condition key that the policy looks at, folded, each once: no other can matter.
    package let conditionKeys: [String]

    /// Parses and validates. Unknown elements, operators or versions are errors: a condition that is not understood
    /// must not be skipped.
    ///
    /// - Throws: `PolicySyntaxError` for the first fault.
    package init(_ json: [UInt8], kind: Kind) throws(PolicySyntaxError) {
        self.init(try PolicyParser.parse(json, kind: kind))
    }

    private init(_ statements: [Statement]) {
        self.statements = statements
        var names: [[Unicode.Scalar]] = []
        for name in statements.flatMap(\.conditionKeys) where !names.contains(name) { names.append(name) }
        conditionKeys = names.map { String(String.UnicodeScalarView($0)) }
    }
}

extension PolicyDocument {
    /// What is left of the policy for those whom nothing denies.
    var withoutDenies: PolicyDocument { PolicyDocument(statements.filter { $0.effect == .allow }) }
}

/// The language of a policy (IAM User Guide, "Version"): variables exist in the newer one only.
package enum PolicyVersion: String, Sendable {
    case v2008 = "2008-10-17"
    case v2012 = "2012-10-17"
}

/// One statement. An identity policy's has no principal: it is about whoever carries the policy.
package struct Statement: Sendable {
    package enum Effect: String, Sendable {
        case allow = "Allow"
        case deny = "Deny"
    }

    let effect: Effect
    let principal: PrincipalElement?
    let actions: PatternElement
    let resources: PatternElement
    let conditions: [Condition]

    /// Folded.
    fileprivate var conditionKeys: [[Unicode.Scalar]] {
        conditions.map(\.key) + conditions.flatMap(\.values).flatMap(\.variables)
            + resources.templates.flatMap(\.variables)
    }
}

/// Action or Resource, or its complement.
struct PatternElement: Sendable {
    /// NotAction, NotResource.
    let isNegated: Bool
    let patterns: [WildcardPattern]
    /// Patterns with policy variables, which a request makes whole.
    var templates: [PolicyTemplate] = []

    /// Of the patterns without variables.
    func matches(_ text: [Unicode.Scalar]) -> Bool {
        patterns.contains { $0.matches(text) } != isNegated
    }
}

/// Limits on a policy's text.
package enum PolicyLimits {
    /// Characters of PolicyType in the KMS service model.
    package static let length = 131_072
    /// The grammar nests five deep: document, statements, statement, condition, operator, values.
    package static let depth = 8
}
