// SPDX-License-Identifier: Apache-2.0

import CBOR
import Encoding
import Glibc
import Testing

private func expectError(
    _ code: CBORError.Code,
    at offset: Int,
    _ hex: String,
    limits: CBORLimits = .test,
    allowing leniency: CBORLeniency = []
) throws {
    let bytes = try Hex.decode(hex)
    do throws(CBORError) {
        _ = try CBORDecoder.decode(bytes, limits: limits, allowing: leniency)
        Issue.record("accepted \(hex)")
    } catch {
        #expect(error == CBORError(code: code, offset: offset), "\(hex)")
    }
}

private func decode(_ hex: String, allowing leniency: CBORLeniency = []) throws -> CBORValue {
    try CBORDecoder.decode(try Hex.decode(hex), limits: .test, allowing: leniency)
}

@Suite struct CBORDecoderTests {
    @Test func `keeps map order`() throws {
        let value = try decode("a3616202616101f503")
        #expect(
            value
                == .map(CBORMap([(.text("b"), .unsigned(2)), (.text("a"), .unsigned(1)), (.bool(true), .unsigned(3))]))
        )
        #expect(value.map?["a"] == .unsigned(1))
    }

    @Test(arguments: [
        ("", 0), ("18", 0), ("19ff", 0), ("1a000000", 0), ("1b00", 0), ("81", 0), ("8201", 0), ("a101", 0), ("42ff", 0),
        ("62c3", 0), ("8142ff", 1), ("d9d9", 0), ("f8", 0), ("f97e", 0),
        ("9b7fffffffffffffff", 0), ("bb7fffffffffffffff00", 0), ("5b7fffffffffffffff00", 0), ("5bffffffffffffffff", 0),
        ("9bffffffffffffffff", 0), ("bbffffffffffffffff", 0), ("7bffffffffffffffff", 0), ("bb8000000000000000", 0),
    ])
    func `refuses input that ends before its item does`(hex: String, offset: Int) throws {
        try expectError(.unexpectedEnd, at: offset, hex, allowing: .all)
    }

    @Test(arguments: [("9f01", 2), ("bf01", 2), ("5f4101", 3), ("c1", 1), ("9f", 1), ("81c1", 2), ("bf", 1)])
    func `says where an item is missing`(hex: String, offset: Int) throws {
        try expectError(.unexpectedEnd, at: offset, hex, allowing: .all)
    }

    @Test(arguments: [("0000", 1), ("80f6", 1), ("a0ff", 1), ("9fff00", 2)])
    func `refuses bytes after the item`(hex: String, offset: Int) throws {
        try expectError(.trailingBytes, at: offset, hex, allowing: .all)
    }

    // RFC 8949 appendix F, kinds 1, 3, 4 and 5, and section 3.3.
    @Test(arguments: [
        ("1c", 0), ("1f", 0), ("3d", 0), ("3f", 0), ("5c", 0), ("7e", 0), ("9d", 0), ("bc", 0), ("dc", 0), ("df", 0),
        ("fc", 0), ("fe", 0), ("f800", 0), ("f814", 0), ("f81f", 0), ("ff", 0), ("81ff", 1), ("8200ff", 2),
        ("a1ff00", 1),
        ("a100ff", 2), ("a2000001ff", 4), ("9f81ff", 2), ("bf00ff", 2), ("bf000001ff", 4), ("c1ff", 1), ("9fc1ff", 2),
        ("5f00ff", 1), ("5f6100ff", 1), ("7f4100ff", 1), ("5f5fff", 1), ("7f7f6100ffff", 1), ("5fc24100ff", 1),
        ("5f80ff", 1), ("7ff6ff", 1),
    ])
    func `refuses what is not well-formed`(hex: String, offset: Int) throws {
        try expectError(.malformed, at: offset, hex, allowing: .all)
    }

    @Test(arguments: [
        ("1800", 0), ("1817", 0), ("190018", 0), ("1900ff", 0), ("1a0000ffff", 0), ("1b00000000ffffffff", 0),
        ("3817", 0),
        ("3900ff", 0), ("580141", 0), ("59000141", 0), ("780161", 0), ("9800", 0), ("980100", 0),
        ("b800", 0), ("b90000", 0), ("81190000", 1),
    ])
    func `refuses arguments in more bytes than needed`(hex: String, offset: Int) throws {
        try expectError(.nonShortestForm, at: offset, hex)
        #expect(throws: Never.self) { try decode(hex, allowing: .nonShortestForm) }
    }

    @Test(arguments: ["d801f6", "d90012f6"])
    func `refuses tags in more bytes than needed`(hex: String) throws {
        try expectError(.nonShortestForm, at: 0, hex, allowing: .tags)
        #expect(throws: Never.self) { try decode(hex, allowing: [.tags, .nonShortestForm]) }
    }

    @Test(arguments: ["fa3f800000", "fb3ff0000000000000", "fb47efffffe0000000", "fa7fc00000", "f97e01", "f9fe00"])
    func `refuses floats in more bytes than needed and other NaNs than f97e00`(hex: String) throws {
        try expectError(.nonShortestForm, at: 0, hex, allowing: .floatsAndSimpleValues)
        #expect(throws: Never.self) { try decode(hex, allowing: [.floatsAndSimpleValues, .nonShortestForm]) }
    }

    @Test(arguments: [
        ("9fff", CBORLeniency.indefiniteLengthArrays), ("bfff", .indefiniteLengthMaps),
        ("5fff", .indefiniteLengthStrings),
        ("7f6161ff", .indefiniteLengthStrings),
    ])
    func `takes each indefinite length only where it is allowed`(hex: String, leniency: CBORLeniency) throws {
        try expectError(.indefiniteLength, at: 0, hex, allowing: CBORLeniency.all.subtracting(leniency))
        #expect(throws: Never.self) { try decode(hex, allowing: leniency) }
    }

    @Test func `joins the chunks of a string`() throws {
        #expect(try decode("5f4201024103ff", allowing: .indefiniteLengthStrings) == .bytes([1, 2, 3]))
        #expect(try decode("7f61616162ff", allowing: .indefiniteLengthStrings) == .text("ab"))
        #expect(try decode("5fff", allowing: .indefiniteLengthStrings) == .bytes([]))
    }

    @Test(arguments: ["c001", "c6f6", "d284a0a0a0a0", "d401", "d501", "d7f6", "d818f6", "d9d9f7f6"])
    func `takes tags only where they are allowed`(hex: String) throws {
        try expectError(.unexpectedTag, at: 0, hex, allowing: CBORLeniency.all.subtracting(.tags))
        #expect(try decode(hex, allowing: .tags).encoded() == Hex.decode(hex))
    }

    @Test(arguments: ["e0", "f3", "f7", "f820", "f8ff", "f90000", "fa7f7fffff", "fb3ff199999999999a"])
    func `takes floats and simple values only where they are allowed`(hex: String) throws {
        try expectError(
            .unexpectedSimpleValue,
            at: 0,
            hex,
            allowing: CBORLeniency.all.subtracting(.floatsAndSimpleValues)
        )
        #expect(try decode(hex, allowing: .floatsAndSimpleValues).encoded() == Hex.decode(hex))
    }

    @Test(arguments: [
        ("61ff", 0), ("61c3", 0), ("62c080", 0), ("63eda080", 0), ("64f4908080", 0), ("8162c328", 1), ("a16180f6", 1),
        ("7f61c361a9ff", 1),
    ])
    func `refuses text that is not UTF-8, chunk by chunk`(hex: String, offset: Int) throws {
        try expectError(.invalidUTF8, at: offset, hex, allowing: .all)
    }
}

@Suite struct CBORDuplicateKeyTests {
    @Test(arguments: [
        ("a201000100", 3), ("a2616100616100", 4), ("a340004100004000", 6), ("a2800080f6", 3), ("a2a10102f6a10102f6", 5),
        ("81a2f5f6f5f6", 4), ("bf01000100ff", 3),
    ])
    func `refuses the second of two equal keys`(hex: String, offset: Int) throws {
        try expectError(.duplicateKey, at: offset, hex, allowing: .indefiniteLengthMaps)
    }

    // RFC 8949 section 5.6: equality is in the data model, not of bytes.
    @Test(arguments: [
        ("a20100180100", 3), ("a241610058016100", 4), ("a24161005f4161ff00", 4), ("a2f93c0000fa3f80000000", 5),
        ("a2a20102030400a20304010200", 7), ("a2f97e0000fb7ff800000000000100", 5), ("a280009fff00", 3),
    ])
    func `sees through the forms of equal keys`(hex: String, offset: Int) throws {
        try expectError(.duplicateKey, at: offset, hex, allowing: .all)
    }

    @Test(arguments: ["a201002000", "a2616100416100", "a262c3a9006365cc8100", "a20100f93c0000"])
    func `takes keys of other types or other scalars for different`(hex: String) throws {
        #expect(try decode(hex, allowing: .floatsAndSimpleValues).map?.entries.count == 2)
    }

    @Test func `looks through a map of 50,000 keys without a pause`() throws {
        var writer = CBORWriter()
        writer.mapHeader(50_000)
        for key in 0..<49_999 as Range<UInt64> {
            writer.unsigned(key)
            writer.null()
        }
        let head = writer.bytes
        writer.unsigned(49_999)
        writer.null()
        let limits = CBORLimits(totalLength: 1 << 20, depth: 1, items: 100_001, stringLength: 0)
        let clock = ContinuousClock()
        let start = clock.now
        #expect(try CBORDecoder.decode(writer.bytes, limits: limits).map?.entries.count == 50_000)
        let time = clock.now - start
        #expect(time < .seconds(5))
        #expect(throws: CBORError(code: .duplicateKey, offset: head.count)) {
            try CBORDecoder.decode(head + [0, 0xF6], limits: limits)
        }
    }
}

@Suite struct CBORLimitTests {
    private func limits(
        totalLength: Int = 1 << 20,
        depth: Int = 16,
        items: Int = 1000,
        stringLength: Int = 1000
    ) -> CBORLimits {
        CBORLimits(totalLength: totalLength, depth: depth, items: items, stringLength: stringLength)
    }

    @Test func `bounds the length of the input`() throws {
        #expect(throws: Never.self) { try CBORDecoder.decode([0x18, 0x18], limits: limits(totalLength: 2)) }
        try expectError(.tooLong, at: 2, "190100", limits: limits(totalLength: 2))
    }

    @Test(arguments: [("818100", 1), ("a100a100f6", 2), ("c1c100", 1), ("9f9f00ffff", 1), ("8180", 1), ("a18000", 1)])
    func `bounds depth, of empty containers too`(hex: String, offset: Int) throws {
        try expectError(.tooDeep, at: offset, hex, limits: limits(depth: 1), allowing: .all)
        try expectError(.tooDeep, at: 0, hex, limits: limits(depth: 0), allowing: .all)
    }

    @Test(arguments: ["00", "6161", "5f4101ff"])
    func `takes scalars at depth 0`(hex: String) throws {
        let bytes = try Hex.decode(hex)
        #expect(throws: Never.self) { try CBORDecoder.decode(bytes, limits: limits(depth: 0), allowing: .all) }
    }

    @Test func `accepts the greatest depth`() throws {
        let bytes = try Hex.decode("81a100c100")
        #expect(throws: Never.self) { try CBORDecoder.decode(bytes, limits: limits(depth: 3), allowing: .tags) }
    }

    @Test(arguments: ["81", "a100", "c1", "9f", "bf00"])
    func `refuses nesting of 100,000 even where the limit would allow it`(hex: String) throws {
        let opening = try Hex.decode(hex)
        let bytes = Array(repeatElement(opening, count: 100_000).joined()) + [0]
        for depth in [16, CBORLimits.maximumDepth, Int.max] {
            let limits = CBORLimits(totalLength: .max, depth: depth, items: .max, stringLength: 0)
            let offset = opening.count * min(depth, CBORLimits.maximumDepth)
            #expect(throws: CBORError(code: .tooDeep, offset: offset)) {
                try CBORDecoder.decode(bytes, limits: limits, allowing: .all)
            }
        }
    }

    // 64 KiB that declare a gibibyte of elements, each array exactly what the input could hold.
    @Test func `makes no space for elements that are only declared`() {
        var bytes: [UInt8] = []
        for _ in 0..<16_000 {
            var writer = CBORWriter()
            writer.arrayHeader(65_535 - bytes.count - 3)
            bytes += writer.bytes
        }
        bytes += [UInt8](repeating: 0x80, count: 65_536 - bytes.count)
        let limits = CBORLimits(totalLength: 1 << 16, depth: .max, items: 1 << 20, stringLength: 0)
        let before = peakMemory()
        #expect(throws: CBORError.self) { try CBORDecoder.decode(bytes, limits: limits) }
        #expect(peakMemory() - before < 64 << 10)
    }

    /// In KiB.
    private func peakMemory() -> Int {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }

    @Test func `bounds the number of items, at the head that declares too many`() throws {
        #expect(throws: Never.self) { try CBORDecoder.decode(try Hex.decode("8200a10000"), limits: limits(items: 5)) }
        try expectError(.tooManyItems, at: 2, "8200a10000", limits: limits(items: 4))
        try expectError(.tooManyItems, at: 0, "8400000000", limits: limits(items: 4))
        try expectError(.tooManyItems, at: 3, "9f0000000000ff", limits: limits(items: 3), allowing: .all)
        try expectError(
            .tooManyItems,
            at: 3,
            "5f404040ff",
            limits: limits(items: 3),
            allowing: .all
        )
        try expectError(.tooManyItems, at: 0, "00", limits: limits(items: 0))
    }

    @Test func `bounds the length of a string, in one piece or in chunks`() throws {
        #expect(throws: Never.self) {
            try CBORDecoder.decode(try Hex.decode("43010203"), limits: limits(stringLength: 3))
        }
        try expectError(.stringTooLong, at: 0, "4401020304", limits: limits(stringLength: 3))
        try expectError(.stringTooLong, at: 1, "816461616161", limits: limits(stringLength: 3))
        try expectError(
            .stringTooLong,
            at: 4,
            "5f420102420304ff",
            limits: limits(stringLength: 3),
            allowing: .all
        )
    }
}
