// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Appends values in one form.
struct CanonicalEncoder {
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
            for (index, member) in try MemberOrder.sorted(object.members, form).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(member.name)
                bytes.append(UInt8(ascii: ":"))
                try append(member.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func text(of number: JSONNumber) throws(CanonicalFormError) -> String {
        switch form {
        case .goKernel, .goStruct: return number.text
        case .rfc8785, .ecmaScriptObjects: break
        }
        let isInteger = number.text.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
        if isInteger {
            guard let value = number.int64, value.magnitude <= Self.greatestSafeInteger else { throw .unsafeInteger }
            // Written as it is read: only minus zero has two texts.
            return value == 0 ? "0" : number.text
        }
        guard let value = number.double, let text = ECMAScriptNumber.text(value) else { throw .nonFiniteNumber }
        return text
    }

    private mutating func append(_ text: String) {
        switch form {
        case .rfc8785, .ecmaScriptObjects: JSON.appendQuoted(text, to: &bytes)
        case .goKernel, .goStruct:
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
