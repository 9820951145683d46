// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// How a JSON value becomes the bytes that are hashed. The forms differ: whoever makes or checks a chain names one.
package enum CanonicalForm: String, Sendable, CaseIterable {
    /// RFC 8785, JSON Canonicalization Scheme.
    case rfc8785 = "rfc8785"
    /// What the Go kernel of ILLUVRSE hashes: Go's `encoding/json` (1.22 or newer), keys sorted bytewise by UTF-8, the
    /// text of numbers kept, `<`, `>`, `&`, U+2028 and U+2029 escaped.
    case goKernel = "illuvrse-go"

    /// The one encoding of `value` in this form.
    ///
    /// - Throws: `CanonicalFormError` for what the form cannot say.
    package func encode(_ value: JSON) throws(CanonicalFormError) -> [UInt8] {
        var encoder = CanonicalEncoder(form: self)
        try encoder.append(value)
        return encoder.bytes
    }
}

/// Why a value has no encoding in a canonical form.
package enum CanonicalFormError: String, Error, Sendable {
    /// RFC 8785 section 3.2.2.3 and RFC 7493 section 2.2: an integer beyond ±(2^53 - 1) would lose digits.
    case unsafeInteger = "unsafe-integer"
    /// RFC 8785 section 3.2.2.3: beyond what a double can hold.
    case nonFiniteNumber = "non-finite-number"
}

private struct CanonicalEncoder {
    /// RFC 7493 section 2.2.
    private static let greatestSafeInteger: UInt64 = (1 << 53) - 1

    private(set) var bytes: [UInt8] = []
    private let form: CanonicalForm

    init(form: CanonicalForm) { self.form = form }

    mutating func append(_ value: JSON) throws(CanonicalFormError) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .number(let number): bytes += try text(of: number).utf8
        case .string(let text): append(text)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                try append(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in sorted(object).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(member.name)
                bytes.append(UInt8(ascii: ":"))
                try append(member.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func sorted(_ object: JSONObject) -> [(name: String, value: JSON)] {
        switch form {
        case .rfc8785:
            // Section 3.2.3: by UTF-16 code units, which is not the order of scalars beyond U+FFFF.
            object.members.map { (units: Array($0.name.utf16), member: $0) }
                .sorted { $0.units.lexicographicallyPrecedes($1.units) }
                .map(\.member)
        case .goKernel: object.members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        }
    }

    private func text(of number: JSONNumber) throws(CanonicalFormError) -> String {
        guard form == .rfc8785 else { return number.text }
        let isInteger = number.text.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
        if isInteger {
            guard let value = number.int64, value.magnitude <= Self.greatestSafeInteger else { throw .unsafeInteger }
        }
        guard let value = number.double, let text = ECMAScriptNumber.text(value) else { throw .nonFiniteNumber }
        return text
    }

    private mutating func append(_ text: String) {
        switch form {
        case .rfc8785: JSON.appendQuoted(text, to: &bytes)
        case .goKernel:
            var quoted: [UInt8] = []
            JSON.appendQuoted(text, to: &quoted)
            appendEscapingForHTML(quoted)
        }
    }

    /// Go's `encoding/json` escapes these beyond what JSON demands; all stand inside strings only.
    private mutating func appendEscapingForHTML(_ quoted: [UInt8]) {
        var position = 0
        while position < quoted.count {
            switch quoted[position] {
            case UInt8(ascii: "<"): bytes += "\\u003c".utf8
            case UInt8(ascii: ">"): bytes += "\\u003e".utf8
            case UInt8(ascii: "&"): bytes += "\\u0026".utf8
            // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
            case 0xE2 where quoted[position...].starts(with: [0xE2, 0x80, 0xA8]):
                bytes += "\\u2028".utf8
                position += 2
            case 0xE2 where quoted[position...].starts(with: [0xE2, 0x80, 0xA9]):
                bytes += "\\u2029".utf8
                position += 2
            default: bytes.append(quoted[position])
            }
            position += 1
        }
    }
}
