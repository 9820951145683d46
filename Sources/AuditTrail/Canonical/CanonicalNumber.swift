// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The text of numbers in each canonical form.
///
/// RFC 8785 section 3.2.2.3 writes what ECMAScript writes of a double, and section 3.1 wants the input to be I-JSON, whose
/// integers end at ±(2^53 - 1) (RFC 7493 section 2.2): beyond, some readers keep digits that others lose. A fraction or an
/// exponent makes every reader take the nearest double, so long fractions are rounded, as the RFC's own example is
/// (`333333333.33333329`). A whole number that would be written as another one (`9007199254740993.0`) is refused all the same.
enum CanonicalNumber: Sendable {
    /// RFC 7493 section 2.2.
    private static let greatestSafeInteger: UInt64 = (1 << 53) - 1

    static func text(_ number: JSONNumber, _ form: CanonicalForm) throws(CanonicalFormError) -> String {
        switch form {
        case .goKernel, .goStruct: return number.text
        case .rfc8785, .ecmaScriptObjects, .glassbox: break
        }
        if number.text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }) {
            guard let value = number.int64, value.magnitude <= greatestSafeInteger else { throw .unsafeInteger }
            // Written as it is read: only minus zero has two texts.
            guard value == 0 else { return number.text }
        }
        guard let value = number.double, let text = ECMAScriptNumber.text(value) else { throw .nonFiniteNumber }
        if value.magnitude > Double(greatestSafeInteger) {
            // What is so large is whole. glassbox refuses all of it.
            guard form != .glassbox, Decimal(number.text) == Decimal(text) else { throw .unsafeInteger }
        }
        if form == .glassbox, value == 0, value.sign == .minus { throw .negativeZero }
        return text
    }

    /// A literal's magnitude: `0.DIGITS × 10^exponent`, without zeros at either end.
    private struct Decimal: Equatable {
        private var digits: [UInt8] = []
        private var exponent = 0

        /// - Parameter literal: as RFC 8259 section 6 has it, of a finite number that is not zero.
        init(_ literal: String) {
            let parts = literal.utf8.split(whereSeparator: { $0 | 0x20 == UInt8(ascii: "e") })
            var isFraction = false
            for character in parts[0] {
                switch character {
                case UInt8(ascii: "-"): break
                case UInt8(ascii: "."): isFraction = true
                case UInt8(ascii: "0") where digits.isEmpty: if isFraction { exponent -= 1 }
                default:
                    digits.append(character)
                    if !isFraction { exponent += 1 }
                }
            }
            while digits.last == UInt8(ascii: "0") { digits.removeLast() }
            // An exponent that is no Int belongs to infinity or to zero.
            if parts.count == 2 { exponent += Int(Substring(parts[1])) ?? 0 }
        }
    }
}
