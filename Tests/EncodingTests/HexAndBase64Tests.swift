// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

@Suite struct HexTests {
    // RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "66"), ("fo", "666f"), ("foo", "666f6f"), ("foob", "666f6f62"), ("foobar", "666f6f626172"),
    ])
    func `encodes and decodes the vectors of RFC 4648`(text: String, hex: String) throws {
        #expect(Hex.encode(Array(text.utf8)) == hex)
        #expect(try Hex.decode(hex) == Array(text.utf8))
    }

    @Test func `every byte has its two digits, and no other character is one`() throws {
        for byte in UInt8.min...UInt8.max {
            let digits = String(byte, radix: 16)
            let text = String(repeating: "0", count: 2 - digits.count) + digits
            #expect(Hex.encode([byte]) == text)
            #expect(try Hex.decode(text) == [byte])
            #expect(try Hex.decode(text.uppercased()) == [byte])
        }
        for scalar in (UInt8.min..<0x80).map({ Character(Unicode.Scalar($0)) }) {
            #expect((try? Hex.decode("0\(scalar)")) == (scalar.hexDigitValue.map { [UInt8($0)] }))
        }
    }

    @Test func `a foreign character anywhere is found where it is`() {
        let good = Array(Hex.encode((0..<15).map { UInt8($0 * 17) }).utf8)
        for length in [good.count, good.count - 1] {
            for offset in 0..<length {
                var bad = good.prefix(length)
                bad[offset] = UInt8(ascii: "g")
                #expect(throws: TextEncodingError(offset: offset)) {
                    try Hex.decode(String(decoding: bad, as: UTF8.self))
                }
            }
        }
    }

    @Test func `decodes both cases`() throws {
        #expect(try Hex.decode("aBcDeF") == [0xAB, 0xCD, 0xEF])
    }

    @Test(arguments: [("0", 1), ("0g", 1), ("00 11", 2), ("0x00", 1), ("é0", 0), ("00\r\n", 2), ("００", 0)])
    func `refuses what is not an even number of digits, and says where`(text: String, offset: Int) {
        #expect(throws: TextEncodingError(offset: offset)) { try Hex.decode(text) }
    }
}

@Suite struct Base64Tests {
    // RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `encodes and decodes the vectors of RFC 4648`(text: String, base64: String) throws {
        #expect(Base64.encode(Array(text.utf8)) == base64)
        #expect(try Base64.decode(base64) == Array(text.utf8))
    }

    @Test func `agrees with Foundation on every length up to 300`() throws {
        var generator = SplitMix64(seed: 1)
        for count in 0...300 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let text = Data(bytes).base64EncodedString()
            #expect(Base64.encode(bytes) == text)
            #expect(try Base64.decode(text) == bytes)
        }
    }

    @Test(arguments: [
        ("Zg", 2), ("Zg=", 3), ("Z===", 1), ("====", 0), ("Zg==Zg==", 4), ("Zm9v=", 4), ("Zm8=Zm9v", 4), ("Zg===", 4),
        ("Zm9v\n", 4), (" Zm9v", 0), ("Zm-_", 2), ("Zm9", 3), ("é", 0), ("Zg=a", 3),
    ])
    func `refuses missing and misplaced padding, white space and foreign characters, and says where`(
        text: String,
        offset: Int
    ) {
        #expect(throws: TextEncodingError(offset: offset)) { try Base64.decode(text) }
    }

    @Test func `says where a foreign character stands, wherever that is`() {
        let good = Array(Base64.encode((0..<30).map { UInt8($0 * 8) }).utf8)
        for offset in good.indices {
            for foreign in ["-", " ", "\n", "\u{7F}", "é"] {
                let text =
                    String(decoding: good[..<offset], as: UTF8.self) + foreign
                    + String(decoding: good[(offset + 1)...], as: UTF8.self)
                #expect(throws: TextEncodingError(offset: offset)) { try Base64.decode(text) }
            }
        }
    }

    @Test(arguments: [("Zh==", 1), ("Zm9=", 2)])
    func `refuses trailing bits that are not zero`(text: String, offset: Int) {
        #expect(throws: TextEncodingError(offset: offset)) { try Base64.decode(text) }
    }
}
