// SPDX-License-Identifier: Apache-2.0

import CBOR
import Encoding
import TestSupport
import Testing

@Suite struct CBOREncoderTests {
    // RFC 8949 section 4.2.1, its own example.
    @Test func `orders keys bytewise by their encoding`() {
        let keys: [CBORValue] = [
            .bool(false), .array([.integer(-1)]), .array([.unsigned(100)]), .text("aa"), .text("z"), .integer(-1),
            .unsigned(100), .unsigned(10),
        ]
        let value = CBORValue.map(CBORMap(keys.map { ($0, .unsigned(0)) }))
        #expect(Hex.encode(value.encoded()) == "a80a001864002000617a006261610081186400812000f400")
        let given = "a8f4008120008118640062616100617a0020001864000a00"
        #expect(Hex.encode(value.encoded(mapOrder: .asGiven)) == given)
    }

    @Test func `orders the keys of maps in keys, tags and arrays too`() {
        let inner = CBORValue.map(CBORMap([(.unsigned(2), .null), (.unsigned(1), .null)]))
        let value = CBORValue.map(CBORMap([(inner, .tagged(1, .array([inner])))]))
        #expect(Hex.encode(value.encoded()) == "a1a201f602f6c181a201f602f6")
        #expect(Hex.encode(value.encoded(mapOrder: .asGiven)) == "a1a202f601f6c181a202f601f6")
    }

    @Test(arguments: [
        (CBORValue.unsigned(23), "17"), (.unsigned(24), "1818"), (.unsigned(255), "18ff"), (.unsigned(256), "190100"),
        (.unsigned(65535), "19ffff"), (.unsigned(65536), "1a00010000"), (.unsigned(4_294_967_295), "1affffffff"),
        (.unsigned(4_294_967_296), "1b0000000100000000"), (.unsigned(.max), "1bffffffffffffffff"),
        (.negative(.max), "3bffffffffffffffff"), (.integer(.min), "3b7fffffffffffffff"), (.integer(-1), "20"),
        (.simple(16), "f0"), (.simple(32), "f820"), (.undefined, "f7"), (.tagged(18, .null), "d2f6"),
        (.tagged(61, .null), "d83df6"),
    ])
    func `writes arguments in the fewest bytes`(value: CBORValue, hex: String) {
        #expect(Hex.encode(value.encoded()) == hex)
    }

    @Test(arguments: [
        (CBORValue.double(1.5), "f93e00"), (.single(65504), "f97bff"), (.double(65505), "fa477fe100"),
        (.double(1.1), "fb3ff199999999999a"), (.double(0x1p-24), "f90001"),
        (.double(0x1p-25), "fa33000000"), (.double(-0.0), "f98000"), (.double(.infinity), "f97c00"),
        (.single(.nan), "f97e00"), (.double(.signalingNaN), "f97e00"), (.half(1), "f93c00"),
        (.double(1e300), "fb7e37e43c8800759c"),
    ])
    func `writes floats in the shortest form that keeps the value`(value: CBORValue, hex: String) {
        #expect(Hex.encode(value.encoded()) == hex)
    }

    @Test func `writes piece by piece what the caller asks for`() {
        var writer = CBORWriter()
        writer.indefiniteMapHeader()
        writer.text("a")
        writer.arrayHeader(3)
        writer.unsigned(1)
        writer.byteString([2])
        writer.null()
        writer.unsigned(5)
        writer.tag(18)
        writer.mapHeader(0)
        writer.breakCode()
        writer.raw([0x00])
        writer.value(.text("é"))
        #expect(Hex.encode(writer.bytes) == "bf616183014102f605d2a0ff0062c3a9")
    }

    @Test(arguments: [(Int64.min, nil), (-1, nil), (0, UInt64(0)), (.max, UInt64(Int64.max))] as [(Int64, UInt64?)])
    func `turns integers into values and back`(value: Int64, unsigned: UInt64?) {
        #expect(CBORValue.integer(value).int64 == value)
        #expect(CBORValue.integer(value).unsigned == unsigned)
        #expect(CBORValue.unsigned(.max).int64 == nil)
        #expect(CBORValue.negative(.max).int64 == nil)
    }

    @Test func `tells text apart that is only canonically equivalent`() {
        #expect(CBORValue.text("\u{E9}") != .text("e\u{301}"))
        #expect(CBORMap([(.text("\u{E9}"), .null)])["e\u{301}"] == nil)
    }
}

@Suite struct CBORFuzzTests {
    /// A value of every kind, nested.
    private static let seeds: [String] = [
        "a26161820102a1f5f6a163666f6f4101", "8a001818190100202039010043010203626162f4f6", "d28443a10126a054f60000",
        "bf61615f4101ff627a7a7f6161ffff9fff", "83f93c00fa477fe100fb3ff199999999999a", "a418640120028101f6a1010203",
    ]

    @Test(arguments: [CBORLeniency([]), .all, [.tags], .all.subtracting(.nonShortestForm)])
    func `never crashes, and encodes what it decoded strictly to the same bytes`(leniency: CBORLeniency) throws {
        var generator = SplitMix64(seed: 4)
        var accepted = 0
        let seeds = try Self.seeds.map { try Hex.decode($0) }
        let isExact = leniency.isDisjoint(with: [
            .nonShortestForm, .indefiniteLengthMaps, .indefiniteLengthArrays, .indefiniteLengthStrings,
        ])
        for round in 0..<60_000 {
            let bytes =
                round % 3 == 0
                ? (0..<Int.random(in: 0...12, using: &generator)).map { _ in .random(in: 0...255, using: &generator) }
                : damaged(seeds[round % seeds.count], using: &generator)
            guard let value = try? CBORDecoder.decode(bytes, limits: .test, allowing: leniency) else { continue }
            accepted += 1
            if isExact { #expect(value.encoded(mapOrder: .asGiven) == bytes) }
            let deterministic = value.encoded()
            let strict = try CBORDecoder.decode(
                deterministic,
                limits: .test,
                allowing: [.tags, .floatsAndSimpleValues]
            )
            #expect(strict.encoded(mapOrder: .asGiven) == deterministic)
        }
        #expect(accepted > 1000)
    }

    private func damaged(_ seed: [UInt8], using generator: inout SplitMix64) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place] = .random(in: 0...255, using: &generator)
            case 2: bytes.remove(at: place)
            default: bytes.insert(.random(in: 0...255, using: &generator), at: place)
            }
        }
        return bytes
    }
}
