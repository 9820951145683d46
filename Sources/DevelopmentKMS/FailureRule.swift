// SPDX-License-Identifier: Apache-2.0

/// Which requests fail on purpose, and how: for tests of programs that must bear a bad day of KMS.
///
/// `OPERATION=FAILURE[:COUNT][%PERCENT]`, where OPERATION is a name or `*`, and FAILURE is `throttle`, `error:NAME`,
/// `delay:MILLISECONDS` or `silence`. COUNT ends the rule after so many failures; PERCENT spreads them evenly over the
/// requests, so that each run is like the one before.
package struct FailureRule: Sendable, Equatable {
    package enum Failure: Sendable, Equatable {
        /// `ThrottlingException`
        case throttle
        /// The error of this name.
        case error(String)
        /// The answer comes so many milliseconds late.
        case delay(milliseconds: Int64)
        /// The request is taken and never answered.
        case silence
    }

    /// Nil: every operation.
    package let operation: String?
    package let failure: Failure
    /// Nil: without end.
    package let count: Int?
    /// 1 to 100.
    package let percent: Int

    /// A day: nobody tests with more.
    static let maximumDelay: Int64 = 86_400_000
    static let maximumCount = 1_000_000_000

    /// - Throws: ``FailureRuleError`` for a text of another form, or an operation that is not offered.
    package init(_ text: String) throws(FailureRuleError) {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2 else { throw .form }
        let name = String(sides[0])
        guard name == "*" || DevelopmentKMS.operations.contains(name) else { throw .operation(name) }
        operation = name == "*" ? nil : name

        let halves = sides[1].split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        percent = halves.count == 2 ? try Self.number(halves[1], in: 1...100) : 100
        var words = halves[0].split(separator: ":", omittingEmptySubsequences: false)[...]
        failure = try Self.failure(&words)
        count = try words.popFirst().map { word throws(FailureRuleError) in
            try Self.number(word, in: 1...Self.maximumCount)
        }
        guard words.isEmpty else { throw .form }
    }

    private static func failure(_ words: inout ArraySlice<Substring>) throws(FailureRuleError) -> Failure {
        switch words.popFirst() {
        case "throttle": return .throttle
        case "silence": return .silence
        case "delay":
            guard let word = words.popFirst() else { throw .form }
            return .delay(milliseconds: Int64(try number(word, in: 0...Int(maximumDelay))))
        case "error":
            guard let name = words.popFirst(), name.first?.isLetter == true,
                name.unicodeScalars.allSatisfy({
                    $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)
                })
            else { throw .form }
            return .error(String(name))
        default: throw .form
        }
    }

    private static func number(_ text: Substring, in range: ClosedRange<Int>) throws(FailureRuleError) -> Int {
        guard let value = Int(text), range.contains(value) else { throw .form }
        return value
    }
}

/// A text that is no ``FailureRule``.
package enum FailureRuleError: Error, Equatable, Sendable, CustomStringConvertible {
    case form
    case operation(String)

    package var description: String {
        switch self {
        case .form:
            "expected OPERATION=FAILURE[:COUNT][%PERCENT], where FAILURE is throttle, error:NAME, delay:MS or silence"
        case .operation(let name): "there is no operation \(name) here"
        }
    }
}
