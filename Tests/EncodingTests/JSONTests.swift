// SPDX-License-Identifier: Apache-2.0

import Encoding
import TestSupport
import Testing

private func parse(_ text: String, limits: JSONLimits = JSONLimits()) throws -> JSON {
    try JSON.parse(Array(text.utf8), limits: limits)
}

private func expectError(_ code: JSONError.Code, at offset: Int, _ bytes: [UInt8], limits: JSONLimits = JSONLimits()) {
    do throws(JSONError) {
        _ = try JSON.parse(bytes, limits: limits)
        Issue.record("accepted")
    } catch {
        #expect(error.code == code)
        #expect(error.offset == offset)
    }
}

@Suite struct JSONParserTests {
    @Test func `keeps the order of members and the text of numbers`() throws {
        let value = try parse(#" { "b" : [ 1.0 , -3e8 , 1E+2 ] , "a" : { } , "c" : [ ] , "": null } "#)
        #expect(value.object?.members.map(\.name) == ["b", "a", "c", ""])
        #expect(String(decoding: value.serialized(), as: UTF8.self) == #"{"b":[1.0,-3e8,1E+2],"a":{},"c":[],"":null}"#)
    }

    @Test func `replaces escapes`() throws {
        let value = try parse(#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83D\uDE00 é€😀""#)
        #expect(value == .string("\"\\/\u{8}\u{C}\n\r\tAé€😀 é€😀"))
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, 7), (#"{"a":1,"\u0061":2}"#, 7), (#"[{"x":{"é":1, "é":2}}]"#, 15),
    ])
    func `refuses a duplicate name, however it is escaped`(text: String, offset: Int) {
        expectError(.duplicateName, at: offset, Array(text.utf8))
    }

    @Test func `takes names that are only canonically equivalent for two`() throws {
        let value = try parse("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value.object?["\u{E9}"] == 1)
        #expect(value.object?["e\u{301}"] == 2)
    }

    @Test func `refuses the last of many names if it is a duplicate`() {
        let members = (0..<1000).map { "\"n\($0)\":0" }.joined(separator: ",")
        let text = "{" + members + ",\"n7\":0}"
        expectError(.duplicateName, at: members.utf8.count + 2, Array(text.utf8))
    }

    @Test func `is not slowed by names chosen to be equivalent after normalisation`() throws {
        // Orders of eight combining marks of different classes: all equivalent, so one hash if it were over normal forms.
        let marks: [String] = ["\u{334}", "\u{327}", "\u{31B}", "\u{323}", "\u{301}", "\u{345}", "\u{35C}"]
        var names = [""]
        for mark in marks {
            names = names.flatMap { name in (0...name.unicodeScalars.count).map { insert(mark, in: name, at: $0) } }
        }
        let text = "{" + names.map { "\"a\($0)\":0" }.joined(separator: ",") + "}"
        let clock = ContinuousClock()
        let start = clock.now
        #expect(try parse(text).object?.members.count == 5040)
        let time = clock.now - start
        #expect(time < .seconds(5))
    }

    private func insert(_ mark: String, in name: String, at place: Int) -> String {
        var scalars = Array(name.unicodeScalars)
        scalars.insert(contentsOf: mark.unicodeScalars, at: place)
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }

    @Test(arguments: [
        (#""\ud800""#, 1), (#""a\udc00""#, 2), (#""\ud800\ud800""#, 1), (#""\ud800A""#, 1), (#""\ud800\n""#, 1),
        (#"{"\udfff":1}"#, 2),
    ])
    func `refuses a lone surrogate`(text: String, offset: Int) {
        expectError(.loneSurrogate, at: offset, Array(text.utf8))
    }

    @Test(
        arguments: [
            ([0x22, 0x61, 0xFF, 0x22], 2), ([0x22, 0xC0, 0x80, 0x22], 1), ([0x22, 0xED, 0xA0, 0x80, 0x22], 1),
            ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1), ([0x22, 0xC3, 0x22], 1),
            ([0x22, 0x5C, 0x6E, 0x61, 0x80, 0x22], 4),
            ([0x22, 0xC3, 0x5C, 0x6E, 0x22], 1),
        ] as [([UInt8], Int)]
    )
    func `refuses what is not UTF-8, at its first byte`(bytes: [UInt8], offset: Int) {
        expectError(.invalidUTF8, at: offset, bytes)
    }

    @Test func `refuses a byte order mark`() {
        expectError(.unexpectedByte, at: 0, [0xEF, 0xBB, 0xBF, 0x31])
    }

    @Test(arguments: [("1 2", 2), ("{}x", 2), ("null,", 4), ("\"a\"\0", 3)])
    func `refuses anything after the value`(text: String, offset: Int) {
        expectError(.trailingBytes, at: offset, Array(text.utf8))
    }

    @Test(arguments: [
        "", "  ", "[", "[1", "[1,", "{", "{\"a\"", "{\"a\":", "\"", "\"\\", "\"\\u12", "-", "1.", "1e", "tru",
    ])
    func `says that the text ended too early`(text: String) {
        expectError(.unexpectedEnd, at: text.utf8.count, Array(text.utf8))
    }

    @Test(arguments: [
        ("[1,]", 3), ("{,}", 1), ("{1:2}", 1), ("{\"a\" 1}", 5), ("01", 1), ("+1", 0), (".5", 0), ("-a", 1),
        ("1.e1", 2),
        ("nulL", 3), ("NaN", 0), ("'a'", 0), ("\"\\x41\"", 2), ("\"\\u00g0\"", 5), ("\"\n\"", 1), ("[1 2]", 3),
        ("[1}", 2),
    ])
    func `says which byte it did not expect`(text: String, offset: Int) {
        // `01` is a whole number and something behind it.
        expectError(text == "01" ? .trailingBytes : .unexpectedByte, at: offset, Array(text.utf8))
    }

    @Test func `accepts the greatest depth and length and refuses one more`() throws {
        let limits = JSONLimits(totalLength: 20, depth: 3)
        #expect(throws: Never.self) { try parse("[[[1]]]", limits: limits) }
        expectError(.tooDeep, at: 3, Array("[[[[1]]]]".utf8), limits: limits)
        expectError(.tooDeep, at: 5, Array(#"{"a":[],"b":[[[1]]]}"#.utf8), limits: JSONLimits(depth: 1))
        #expect(throws: Never.self) { try parse(String(repeating: " ", count: 19) + "1", limits: limits) }
        expectError(.tooLong, at: 20, Array((String(repeating: " ", count: 20) + "1").utf8), limits: limits)
    }

    @Test(arguments: ["[", "{\"a\":"])
    func `refuses nesting of 100,000 even where the limit would allow it`(opening: String) {
        let text = String(repeating: opening, count: 100_000)
        let limits = JSONLimits(totalLength: .max, depth: .max)
        expectError(.tooDeep, at: opening.utf8.count * JSONLimits.maximumDepth, Array(text.utf8), limits: limits)
    }

    @Test func `never crashes on damaged text, and what it accepts it writes and reads again`() throws {
        let seed = Array(#"{"a":[1.5e3,-0,true,null,"\u00e9\ud83d\ude00é"],"b":{"c":"\n"}}"#.utf8)
        var generator = SplitMix64(seed: 2)
        var accepted = 0
        for _ in 0..<50_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(seed[Int.random(in: 0..<seed.count, using: &generator)], at: place)
                }
            }
            guard let value = try? JSON.parse(bytes) else { continue }
            accepted += 1
            #expect(try JSON.parse(value.serialized()) == value)
            #expect(try JSON.parse(value.serialized(pretty: true)) == value)
        }
        #expect(accepted > 1000)
    }
}

@Suite struct JSONValueTests {
    @Test func `writes by ECMAScript's escapes`() {
        let value: JSON = .string("\u{0}\u{1F}\u{7F}\"\\/\u{8}\u{C}\n\r\t<é\u{2028}")
        let expected = #""\u0000\u001f\#u{7F}\"\\/\b\f\n\r\t<é"# + "\u{2028}\""
        #expect(String(decoding: value.serialized(), as: UTF8.self) == expected)
    }

    @Test func `writes indented by two spaces, one member a line`() {
        let value: JSON = ["a": [1, []], "b": [:], "c": ["d": nil]]
        let expected = """
            {
              "a": [
                1,
                []
              ],
              "b": {},
              "c": {
                "d": null
              }
            }
            """
        #expect(String(decoding: value.serialized(pretty: true), as: UTF8.self) == expected)
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
        ("9223372036854775808", nil), ("1.0", nil), ("1e2", nil),
    ])
    func `gives a number's integer only if it is written as one and fits`(text: String, value: Int64?) throws {
        #expect(try parse(text).int64 == value)
    }

    @Test func `gives a number's nearest double if it is finite`() throws {
        guard case .number(let small) = try parse("0.1"), case .number(let large) = try parse("1e400") else {
            Issue.record("not numbers")
            return
        }
        #expect(small.double == 0.1)
        #expect(large.double == nil)
    }

    @Test func `replaces, appends and removes members in place`() {
        var object = JSONObject([("a", 1), ("b", 2), ("a", 3)])
        #expect(object == JSONObject([("a", 3), ("b", 2)]))
        object["b"] = 4
        object["c"] = 5
        object["a"] = nil
        #expect(object == JSONObject([("b", 4), ("c", 5)]))
    }

    // RFC 8785 appendix B.
    @Test(
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
            (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"),
            (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"), (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
            (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
            (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
            (0x41B3_DE43_5555_5553, "333333333.3333332"), (0x41B3_DE43_5555_5554, "333333333.33333325"),
            (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
            (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
            (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
        ] as [(UInt64, String)]
    )
    func `writes doubles as ECMAScript does`(bits: UInt64, text: String) {
        let value = Double(bitPattern: bits)
        #expect(JSONNumber(value).text == text)
        #expect(ECMAScriptNumber.text(value) == text)
    }

    @Test func `writes every double so that it reads back`() {
        var generator = SplitMix64(seed: 3)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else {
                #expect(ECMAScriptNumber.text(value) == nil)
                continue
            }
            #expect(JSONNumber(value).double == value)
        }
    }
}
