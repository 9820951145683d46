// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
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
        ("18446744073709551616", nil), ("1e-400", "0"), ("-1e-400", "0"), ("9007199254740991.0", "9007199254740991"),
        // Digits alone say an integer, a fraction or an exponent says a double: whole ones have to stay what they are.
        ("9007199254740992.0", "9007199254740992"), ("1e20", "100000000000000000000"),
        ("1.5E+18", "1500000000000000000"),
        ("9007199254740993.0", nil), ("9007199254740991.5", nil), ("123456789012345678.9", nil),
        ("999999999999999999999e0", nil), ("1000000000000000000001e1", nil),
        ("1e21", "1e+21"), ("10.0e20", "1e+21"), ("-0.001e24", "-1e+21"), ("1000000000000000000000", nil),
        ("1e0000000000000000000000000000000000000021", "1e+21"),
        // Every reader takes the nearest double, as of the RFC's own 333333333.33333329.
        ("3.141592653589793238462643383279", "3.141592653589793"), ("0.1000000000000000055511151231257827", "0.1"),
    ])
    func `refuses integers that a double cannot tell apart, and infinite numbers`(text: String, expected: String?) {
        #expect((try? encode(text, .rfc8785)) == expected)
        #expect((try? encode(text, .ecmaScriptObjects)) == expected)
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

@Suite struct ECMAScriptObjectFormTests {
    // Node 20: JSON.stringify(Object.fromEntries(Object.entries(x).sort(([a], [b]) => a < b ? -1 : 1)))
    @Test func `puts names that are array indices first, by number`() throws {
        #expect(
            try encode(
                #"{"b":1,"-1":2,"10":3,"9":4,"01":5,"4294967294":6,"4294967295":7,"a":{"2":1,"1":2,"":3}}"#,
                .ecmaScriptObjects
            )
                == #"{"9":4,"10":3,"4294967294":6,"-1":2,"01":5,"4294967295":7,"a":{"1":2,"2":1,"":3},"b":1}"#
        )
    }

    @Test func `is RFC 8785 where no name is an index`() throws {
        let text = #"{"\ufb33":1,"\ud83d\ude00":2,"\u00f6":[1.0,-0,1e21],"a":"<&>"}"#
        #expect(try encode(text, .ecmaScriptObjects) == encode(text, .rfc8785))
    }

    @Test func `refuses a name that an assignment does not make a member`() {
        #expect(throws: CanonicalFormError.unrepresentableName) {
            try encode(#"{"a":{"__proto__":1}}"#, .ecmaScriptObjects)
        }
    }
}

@Suite struct GoStructFormTests {
    @Test func `keeps the order of members, and escapes as Go does`() throws {
        #expect(try encode(#"{"b":"<","a":1.0}"#, .goStruct) == #"{"b":"\u003c","a":1.0}"#)
    }
}

@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct CanonicalSuiteTests {
    // test_transform: what parsers read differently. None of it may get one canonical form out of two readings.
    @Test(arguments: [
        "object_same_key_different_values", "object_same_key_same_value", "object_same_key_unclear_values",
        "string_1_escaped_invalid_codepoint", "string_1_invalid_codepoint", "string_2_escaped_invalid_codepoints",
        "string_2_invalid_codepoints", "string_3_escaped_invalid_codepoints", "string_3_invalid_codepoints",
        "number_-9223372036854775808", "number_-9223372036854775809", "number_10000000000000000999",
        "number_9223372036854775807", "number_9223372036854775808",
    ])
    func `refuses what readers disagree on`(name: String) throws {
        let bytes = try SharedData.bytes("suites/json-test-suite/test_transform/\(name).json")
        #expect(throws: (any Error).self) { try CanonicalForm.rfc8785.encode(try JSON.parse(bytes)) }
    }

    @Test(arguments: [
        ("number_1.0", "[1]"), ("number_1.000000000000000005", "[1]"), ("number_1e6", "[1000000]"),
        ("number_1000000000000000", "[1000000000000000]"), ("number_1e-999", "[0]"),
        ("string_with_escaped_NULL", #"["A\u0000B"]"#),
    ])
    func `writes what readers agree on in one way`(name: String, expected: String) throws {
        let bytes = try SharedData.bytes("suites/json-test-suite/test_transform/\(name).json")
        #expect(try String(decoding: CanonicalForm.rfc8785.encode(try JSON.parse(bytes)), as: UTF8.self) == expected)
    }

    @Test func `tells names apart that only normalisation makes equal`() throws {
        for name in ["object_key_nfc_nfd", "object_key_nfd_nfc"] {
            let bytes = try SharedData.bytes("suites/json-test-suite/test_transform/\(name).json")
            let text = try String(decoding: CanonicalForm.rfc8785.encode(try JSON.parse(bytes)), as: UTF8.self)
            #expect(
                text.unicodeScalars.elementsEqual("{\"e\u{301}\":\"NFD\",\"\u{E9}\":\"NFC\"}".unicodeScalars),
                "\(name)"
            )
        }
    }

    // Every text of the parsing suite that has a canonical form has that form as its own.
    @Test func `is stable: the canonical form of a canonical form is itself`() throws {
        let folder = SharedData.root.appendingPathComponent("suites/json-test-suite/test_parsing").path
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix("y_") {
            let bytes = try SharedData.bytes("suites/json-test-suite/test_parsing/\(name)")
            for form in [CanonicalForm.rfc8785, .ecmaScriptObjects, .goKernel] {
                guard let value = try? JSON.parse(bytes), let once = try? form.encode(value) else { continue }
                #expect(try form.encode(try JSON.parse(once)) == once, "\(name)")
                count += 1
            }
        }
        #expect(count > 200)
    }

    // The third vector of that file drops a null that the code under test keeps (ORIGIN.md): ours keeps it.
    @Test func `encodes ILLUVRSE's vectors, and keeps the null that one of them drops`() throws {
        let file = try JSON.parse(try SharedData.bytes("systems/illuvrse/canonical_vectors_reasoning_graph.json"))
        let vectors = try #require(file.object?["vectors"]?.array).compactMap(\.object)
        #expect(vectors.count == 3)
        for (index, vector) in vectors.enumerated() {
            let text = String(decoding: try CanonicalForm.rfc8785.encode(try #require(vector["input"])), as: UTF8.self)
            let expected = try #require(vector["canonical"]?.string)
            if index == 2 {
                #expect(text == expected.replacing("{\"id\"", with: "{\"author\":null,\"id\""))
            } else {
                #expect(text == expected)
            }
        }
    }
}
