// SPDX-License-Identifier: Apache-2.0

/// The name of a condition operator, taken apart: `ForAnyValue:StringNotEqualsIfExists`.
package struct ConditionOperator: Sendable, Equatable {
    /// How several values of a key in the request count.
    package enum Quantifier: String, Sendable {
        case forAllValues = "ForAllValues:"
        case forAnyValue = "ForAnyValue:"
    }

    /// What is compared; the negated forms are the same with `isNegated`.
    package enum Comparison: Sendable, Equatable {
        case stringEquals
        case stringEqualsIgnoreCase
        case stringLike
        case arnLike
        case bool
        case numeric(Order)
        case date(Order)
        case binaryEquals
        case ipAddress
        case null
    }

    package enum Order: Sendable, Equatable {
        case equal
        case less
        case lessOrEqual
        case greater
        case greaterOrEqual
    }

    package let quantifier: Quantifier?
    package let comparison: Comparison
    package let isNegated: Bool
    package let ifExists: Bool

    /// Nil for a name that is no operator.
    package init?(_ name: String) {
        var rest = name[...]
        if rest.hasPrefix(Quantifier.forAllValues.rawValue) {
            quantifier = .forAllValues
            rest = rest.dropFirst(Quantifier.forAllValues.rawValue.count)
        } else if rest.hasPrefix(Quantifier.forAnyValue.rawValue) {
            quantifier = .forAnyValue
            rest = rest.dropFirst(Quantifier.forAnyValue.rawValue.count)
        } else {
            quantifier = nil
        }
        ifExists = rest.hasSuffix("IfExists")
        if ifExists { rest = rest.dropLast("IfExists".count) }
        guard let (comparison, isNegated) = Self.named(String(rest)) else { return nil }
        // Null asks for the presence itself.
        guard comparison != .null || (!ifExists && quantifier == nil) else { return nil }
        self.comparison = comparison
        self.isNegated = isNegated
    }

    private static func named(_ name: String) -> (Comparison, isNegated: Bool)? {
        switch name {
        case "StringEquals": (.stringEquals, false)
        case "StringNotEquals": (.stringEquals, true)
        case "StringEqualsIgnoreCase": (.stringEqualsIgnoreCase, false)
        case "StringNotEqualsIgnoreCase": (.stringEqualsIgnoreCase, true)
        case "StringLike": (.stringLike, false)
        case "StringNotLike": (.stringLike, true)
        case "ArnEquals", "ArnLike": (.arnLike, false)
        case "ArnNotEquals", "ArnNotLike": (.arnLike, true)
        case "Bool": (.bool, false)
        case "BinaryEquals": (.binaryEquals, false)
        case "IpAddress": (.ipAddress, false)
        case "NotIpAddress": (.ipAddress, true)
        case "Null": (.null, false)
        default: ordered(name, prefix: "Numeric", Comparison.numeric) ?? ordered(name, prefix: "Date", Comparison.date)
        }
    }

    private static func ordered(
        _ name: String,
        prefix: String,
        _ comparison: (Order) -> Comparison
    ) -> (Comparison, isNegated: Bool)? {
        guard name.hasPrefix(prefix) else { return nil }
        switch name.dropFirst(prefix.count) {
        case "Equals": return (comparison(.equal), false)
        case "NotEquals": return (comparison(.equal), true)
        case "LessThan": return (comparison(.less), false)
        case "LessThanEquals": return (comparison(.lessOrEqual), false)
        case "GreaterThan": return (comparison(.greater), false)
        case "GreaterThanEquals": return (comparison(.greaterOrEqual), false)
        default: return nil
        }
    }
}

extension ConditionOperator.Order {
    func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool {
        switch self {
        case .equal: a == b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }
}
