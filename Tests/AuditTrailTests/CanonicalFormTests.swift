// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding
import TestSupport
import Testing

private func encode(_ text: String, _ form: CanonicalForm) throws -> String {
    String(decoding: try form.encode(try JSON.parse(Array(text.utf8))), as: UTF8.self)
}

@Suite struct RFC8785Tests {
    @Test(
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)),
        arguments: ["arrays", "french", "structures", "unicode", "values", "weird"]
    )
    func `encodes the reference files to the same bytes`(name: String) throws {
        let folder = "suites/jcs-rfc8785/testdata"
        let input = try JSON.parse(try SharedData.bytes("\(folder)/input/\(name).json"))
        #expect(try CanonicalForm.rfc8785.encode(input) == SharedData.bytes("\(folder)/output/\(name).json"))
    }

    // RFC 8785 section 3.2.2, its example.
    @Test func `encodes the example of the RFC`() throws {
        let text = #"""
            {"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
             "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}
            """#
        let expected = #"""
            {"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}
            """#
        #expect(try encode(text, .rfc8785) == expected)
    }

    // U+1F600 is d83d de00 in UTF-16 and so comes before U+FB33, unlike in UTF-8.
    @Test func `orders names by UTF-16 code units`() throws {
        #expect(
            try encode(#"{"\ufb33":1,"\ud83d\ude00":2,"\u00f6":3,"a":4,"":5}"#, .rfc8785)
                == "{\"\":5,\"a\":4,\"ö\":3,\"😀\":2,\"\u{FB33}\":1}"
        )
    }

    @Test(arguments: [
        ("9007199254740991", "9007199254740991"), ("-9007199254740991", "-9007199254740991"), ("-0", "0"), ("1.0", "1"),
        ("1e400", nil), ("-1e309", nil), ("9007199254740992", nil), ("-9007199254740992", nil),
        ("18446744073709551616", nil), ("1e-400", "0"), ("9007199254740993.0", "9007199254740992"),
    ])
    func `refuses integers that a double cannot tell apart, and infinite numbers`(text: String, expected: String?) {
        #expect((try? encode(text, .rfc8785)) == expected)
    }

    @Test func `says which kind of number it refused`() {
        #expect(throws: CanonicalFormError.unsafeInteger) { try encode("[9007199254740992]", .rfc8785) }
        #expect(throws: CanonicalFormError.nonFiniteNumber) { try encode(#"{"a":1e400}"#, .rfc8785) }
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `encodes what ILLUVRSE's agent manager encoded to the same bytes`() throws {
        let file = try JSON.parse(try SharedData.bytes("systems/illuvrse/generated_chains/chain_ed25519.json"))
        let events = try #require(file.object?["events"]?.array)
        #expect(events.count > 2)
        for event in events {
            let payload = try #require(event.object?["payload"])
            #expect(
                try String(decoding: CanonicalForm.rfc8785.encode(payload), as: UTF8.self)
                    == event.object?["_canonical"]?.string
            )
        }
    }
}

@Suite struct GoKernelFormTests {
    // Go: json.Marshal of each string, 1.23.
    @Test func `escapes as Go's encoder does`() throws {
        let text = #""<a href=\"x\">&'\/\\\b\f\n\r\t\u0000\u001f\u007fé\u2028\u2029\u2027😀""#
        let expected =
            #""\u003ca href=\"x\"\u003e\u0026'/\\\b\f\n\r\t\u0000\u001f"# + "\u{7F}é" + #"\u2028\u2029"# + "\u{2027}😀\""
        #expect(try encode(text, .goKernel) == expected)
    }

    @Test func `keeps the text of numbers`() throws {
        #expect(try encode("[1.0,1E5,-0,9007199254740993,1e400]", .goKernel) == "[1.0,1E5,-0,9007199254740993,1e400]")
    }

    @Test func `orders names bytewise by UTF-8, and escapes them`() throws {
        let text = #"{"\ud83d\ude00":1,"\ufb33":2,"b":{"d":1,"c":2},"<":4,"a":3}"#
        #expect(try encode(text, .goKernel) == "{\"\\u003c\":4,\"a\":3,\"b\":{\"c\":2,\"d\":1},\"\u{FB33}\":2,\"😀\":1}")
    }
}
