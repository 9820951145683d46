// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The order of members in each canonical form.
enum MemberOrder: Sendable {
    typealias Member = (name: String, value: JSON)

    static func sorted(_ members: [Member], _ form: CanonicalForm) throws(CanonicalFormError) -> [Member] {
        switch form {
        case .goStruct: return members
        case .goKernel: return members.sorted { $0.name.utf8.span.precedes($1.name.utf8.span) }
        case .rfc8785: return members.sorted { utf16Precedes($0.name, $1.name) }
        case .ecmaScriptObjects:
            guard !members.contains(where: { $0.name == "__proto__" }) else { throw .unrepresentableName }
            return members.sorted { a, b in
                switch (arrayIndex(a.name), arrayIndex(b.name)) {
                case (let a?, let b?): a < b
                case (_?, nil): true
                case (nil, _?): false
                case (nil, nil): utf16Precedes(a.name, b.name)
                }
            }
        }
    }

    /// RFC 8785 section 3.2.3: by UTF-16 code units. That is the order of UTF-8 bytes, except that surrogates, which stand for
    /// what begins with F0 to F4 in UTF-8, come before U+E000 to U+FFFF, which begin with EE and EF.
    private static func utf16Precedes(_ a: String, _ b: String) -> Bool {
        let (a, b) = (a.utf8.span, b.utf8.span)
        for index in 0..<min(a.count, b.count) where a[index] != b[index] {
            return weight(a[index]) < weight(b[index])
        }
        return a.count < b.count
    }

    private static func weight(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0xEE, 0xEF: byte + 0x10
        default: byte
        }
    }

    /// ECMA-262 section 6.1.7: an integer from 0 to 2^32 - 2 in its canonical text.
    private static func arrayIndex(_ name: String) -> UInt32? {
        let bytes = name.utf8
        guard let first = bytes.first, bytes.count <= 10, bytes.allSatisfy({ (0x30...0x39).contains($0) }),
            first != UInt8(ascii: "0") || bytes.count == 1, let value = UInt32(name), value < UInt32.max
        else { return nil }
        return value
    }
}
