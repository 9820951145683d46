// SPDX-License-Identifier: Apache-2.0

import Encoding
import Testing

@Suite struct JSONFieldsTests {
    @Test func `reads members by name and type`() throws {
        var fields = try JSONFields([
            "name": "x", "count": 3, "on": true, "list": ["a", "b"], "inner": ["deep": "y"], "null": nil,
        ])
        #expect(try fields.string("name") == "x")
        #expect(try fields.optionalString("absent") == nil)
        #expect(try fields.integer("count", in: 0...3) == 3)
        #expect(try fields.optionalInteger("absent", in: 0...3) == nil)
        #expect(try fields.bool("on", default: false))
        #expect(try fields.bool("absent", default: true))
        #expect(try fields.strings("list") == ["a", "b"])
        #expect(try fields.optionalValue("null") == .null)
        #expect(try fields.optionalValue("absent") == nil)
        var inner = try JSONFields(fields.value("inner"), at: fields.path("inner"))
        #expect(inner.path("deep") == "inner.deep")
        #expect(try inner.string("deep") == "y")
        try inner.finish()
        try fields.finish()
    }

    private func expectError(
        _ description: String,
        _ value: JSON,
        at path: String = "",
        read: (inout JSONFields) throws(JSONFieldError) -> Void
    ) {
        do throws(JSONFieldError) {
            var fields = try JSONFields(value, at: path)
            try read(&fields)
            try fields.finish()
            Issue.record("accepted")
        } catch {
            #expect(error.description == description)
        }
    }

    @Test func `says what is missing`() {
        expectError("kms.endpoint: is missing", [:], at: "kms") { (f) throws(JSONFieldError) in
            _ = try f.string("endpoint")
        }
        expectError("n: is missing", [:]) { (f) throws(JSONFieldError) in _ = try f.integer("n", in: 0...1) }
        expectError("v: is missing", [:]) { (f) throws(JSONFieldError) in _ = try f.value("v") }
        expectError("l: is missing", [:]) { (f) throws(JSONFieldError) in _ = try f.strings("l") }
    }

    @Test func `says what has the wrong type`() {
        expectError("a: must be a string", ["a": 1]) { (f) throws(JSONFieldError) in _ = try f.string("a") }
        expectError("a: must be a string", ["a": nil]) { (f) throws(JSONFieldError) in _ = try f.optionalString("a") }
        expectError("a: must be an integer", ["a": "1"]) { (f) throws(JSONFieldError) in
            _ = try f.integer("a", in: 0...1)
        }
        expectError("a: must be true or false", ["a": 0]) { (f) throws(JSONFieldError) in
            _ = try f.bool("a", default: true)
        }
        expectError("a[1]: must be a string", ["a": ["x", 1]]) { (f) throws(JSONFieldError) in _ = try f.strings("a") }
        expectError("the file: must be an object", []) { (_) throws(JSONFieldError) in }
    }

    @Test(arguments: [JSON.number(JSONNumber(11)), .number(JSONNumber(-1)), .number(JSONNumber(1.5))])
    func `refuses an integer out of its range`(value: JSON) {
        expectError("a: must be an integer from 0 to 10", ["a": value]) { (f) throws(JSONFieldError) in
            _ = try f.integer("a", in: 0...10)
        }
    }

    @Test func `refuses a member that nothing asked for`() {
        expectError("x.b: is not known here", ["a": "1", "b": "2"], at: "x") { (f) throws(JSONFieldError) in
            _ = try f.string("a")
        }
    }
}
