// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Appends values in one form.
struct CanonicalEncoder {
    private(set) var bytes: [UInt8] = []
    private let form: CanonicalForm

    /// Room for most events, so that the text does not move while it grows.
    private static let usualLength = 512

    init(form: CanonicalForm) {
        self.form = form
        bytes.reserveCapacity(Self.usualLength)
    }

    mutating func append(_ value: JSON) throws(CanonicalFormError) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .number(let number): bytes += try CanonicalNumber.text(number, form).utf8
        case .string(let text): append(form.normalizes ? Normalization.nfc(text) : text)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            var isFirst = true
            for element in elements {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                try append(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object): try append(members: object.members)
        }
    }

    /// An object of these members but those that are left out. Their names are unique.
    mutating func append(members: [MemberOrder.Member], without omitted: [String] = []) throws(CanonicalFormError) {
        let members = form.normalizes ? try Normalization.nfc(members) : members
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for place in try MemberOrder.sorted(members, form) {
            if !omitted.isEmpty, omitted.contains(where: { $0.hasSameScalars(as: members[place].name) }) { continue }
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            append(members[place].name)
            bytes.append(UInt8(ascii: ":"))
            try append(members[place].value)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func append(_ text: String) {
        switch form {
        case .rfc8785, .ecmaScriptObjects, .glassbox: JSON.appendQuoted(text, to: &bytes)
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
