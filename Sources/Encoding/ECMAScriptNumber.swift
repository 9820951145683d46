// SPDX-License-Identifier: Apache-2.0

/// ECMAScript's text of a number (ECMA-262 section 6.1.6.1.20, `Number::toString` in base 10).
package enum ECMAScriptNumber: Sendable {
    /// The shortest digits that read back as `value`, laid out as ECMAScript does; nil for NaN and infinities.
    package static func text(_ value: Double) -> String? {
        guard value.isFinite else { return nil }
        guard value != 0 else { return "0" }
        let (digits, exponent) = shortestDigits(value.magnitude)
        let sign = value < 0 ? "-" : ""
        let count = digits.count
        let text: String
        switch exponent {
        case count...21 where count <= 21:
            text = digits + String(repeating: "0", count: exponent - count)
        case 1...21:
            text = digits.prefix(exponent) + "." + digits.dropFirst(exponent)
        case -5...0:
            text = "0." + String(repeating: "0", count: -exponent) + digits
        default:
            let power = exponent - 1
            let mantissa = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
            text = mantissa + "e" + (power < 0 ? "-" : "+") + String(power.magnitude)
        }
        return sign + text
    }

    /// Digits without leading or trailing zeros, and the place of the decimal point before or behind the first of them:
    /// the value is `0.DIGITS × 10^exponent`.
    ///
    /// Swift's description of a double has the shortest digits that round-trip, and of those the closest, which is
    /// what ECMAScript asks; only its layout (`1e-07`, `5.0`) is another.
    private static func shortestDigits(_ value: Double) -> (digits: String, exponent: Int) {
        var digits: [UInt8] = []
        var exponent = 0
        var isFraction = false
        // Never empty: a description is not.
        let parts = value.description.utf8.split(separator: UInt8(ascii: "e"), omittingEmptySubsequences: false)
        for character in parts[0] {
            if character == UInt8(ascii: ".") {
                isFraction = true
            } else if digits.isEmpty, character == UInt8(ascii: "0") {
                if isFraction { exponent -= 1 }
            } else {
                digits.append(character)
                if !isFraction { exponent += 1 }
            }
        }
        if parts.count == 2 { exponent += Int(String(parts[1]) ?? "") ?? 0 }
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (String(decoding: digits, as: UTF8.self), exponent)
    }
}
