// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The order of members in each canonical form.
enum MemberOrder: Sendable {
    typealias Member = (name: String, value: JSON)

    /// The places of members, in the order of the form.
    static func sorted(_ members: [Member], _ form: CanonicalForm) throws(CanonicalFormError) -> [Int] {
        var places = Array(members.indices)
        switch form {
        case .goStruct: break
        case .goKernel: sort(&places) { members[$0].name.utf8.span.precedes(members[$1].name.utf8.span) }
        case .rfc8785, .glassbox: sort(&places) { utf16Precedes(members[$0].name, members[$1].name) }
        case .ecmaScriptObjects:
            guard !members.contains(where: { $0.name == "__proto__" }) else { throw .unrepresentableName }
            sort(&places) { a, b in
                switch (arrayIndex(members[a].name), arrayIndex(members[b].name)) {
                case (let a?, let b?): a < b
                case (_?, nil): true
                case (nil, _?): false
                case (nil, nil): utf16Precedes(members[a].name, members[b].name)
                }
            }
        }
        return places
    }

    /// By insertion while that is the quickest, and it is for what people write: members of most objects are few, and many are
    /// in order already.
    private static func sort(_ places: inout [Int], _ precedes: (Int, Int) -> Bool) {
        guard places.count <= 16 else { return places.sort(by: precedes) }
        for index in places.indices.dropFirst() {
            let place = places[index]
            var position = index
            while position > 0, precedes(place, places[position - 1]) {
                places[position] = places[position - 1]
                position -= 1
            }
            places[position] = place
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
