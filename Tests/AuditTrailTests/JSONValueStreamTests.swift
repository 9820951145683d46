// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding
import Foundation
import TestSupport
import Testing

/// All values of a text that arrives in pieces of `size` bytes.
private func values(_ text: String, piece size: Int = 4096) throws -> [String] {
    var rest = Array(text.utf8)[...]
    var stream = JSONValueStream<Never> {
        defer { rest = rest.dropFirst(size) }
        return Array(rest.prefix(size))
    }
    var values: [String] = []
    while let value = try stream.next() { values.append(String(decoding: value, as: UTF8.self)) }
    return values
}

struct JSONValueStreamTests {
    @Test(
        arguments: [
            ("{\"n\":1}\n{\"n\":2}\n", ["{\"n\":1}", "{\"n\":2}"]),
            ("{\"n\":1}\r\n\r\n  {\"n\":2}", ["{\"n\":1}", "{\"n\":2}"]),
            (" [{\"n\":1},\n {\"n\":[2]} ]\n", ["{\"n\":1}", "{\"n\":[2]}"]),
            ("{\n \"n\":\n 1}\n", ["{\n \"n\":\n 1}"]),
            ("[1,\"]\\\",\",null]", ["1", "\"]\\\",\"", "null"]), ("", []), (" \n", []), ("[]", []), ("[ ]\n", []),
            ("1\n\"2\"", ["1", "\"2\""]),
        ],
        [1, 2, 3, 4096]
    )
    func `cuts lines and arrays, however they arrive`(input: (text: String, values: [String]), piece: Int) throws {
        #expect(try values(input.text, piece: piece) == input.values)
    }

    @Test(arguments: ["{} {}", "[{}]\n[{}]", "[{}] x", "[,]x", "[{} {}]", "{},{}", "]", "[{}]]"])
    func `refuses bytes between values`(text: String) {
        #expect(throws: (any Error).self) {
            for value in try values(text) { _ = try JSON.parse(Array(value.utf8)) }
        }
    }

    @Test(arguments: ["{\"a\":1", "[{}", "[{},", "{\"a", "[\"]", "[\"\\\"]"])
    func `refuses an end within a value or an array`(text: String) {
        #expect(throws: AuditTrailError.unexpectedEnd) { try values(text) }
    }

    @Test func `refuses a value that is too long before it holds it`() throws {
        var sent = 0
        var stream = JSONValueStream<Never> {
            sent += 1
            return [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
        }
        #expect(throws: AuditTrailError.valueTooLong(number: 1)) { try stream.next() }
        #expect(sent <= AuditLimits.valueLength >> 20 + 2)
    }

    // What the strict parser accepts as one value, the stream hands on whole.
    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `does not cut the valid texts of the parsing suite`() throws {
        let folder = SharedData.root.appendingPathComponent("suites/json-test-suite/test_parsing").path
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix("y_") {
            let bytes = try SharedData.bytes("suites/json-test-suite/test_parsing/\(name)")
            guard let whole = try? JSON.parse(bytes) else { continue }
            var stream = JSONValueStream(once: bytes)
            var parts: [JSON] = []
            while let part = try stream.next() { parts.append(try JSON.parse(part)) }
            #expect(parts == whole.array ?? [whole], "\(name)")
        }
    }
}
