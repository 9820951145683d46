// SPDX-License-Identifier: Apache-2.0

import Encoding

/// RFC 3986 section 2.1: everything but unreserved characters.
enum PercentEncoding {
    static func encode(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default:
                "%" + Hex.encode([byte]).uppercased()
            }
        }.joined()
    }
}
