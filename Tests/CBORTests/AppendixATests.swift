// SPDX-License-Identifier: Apache-2.0

import CBOR
import Encoding
import TestSupport
import Testing

/// RFC 8949 appendix A, from the vectors of the CBOR working group. They were made for RFC 7049, where `f818` was still
/// well-formed.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct AppendixATests {
    private struct Vector {
        let bytes: [UInt8]
        let hex: String
        let isRoundTrip: Bool
        /// Absent where only `diagnostic` notation can say it.
        let decoded: JSON?
    }

    private static let noLongerWellFormed = "f818"

    private static func vectors() throws -> [Vector] {
        let all = try allVectors()
        #expect(all.count == 82)
        return all.filter { $0.hex != noLongerWellFormed }
    }

    private static func allVectors() throws -> [Vector] {
        let json = try JSON.parse(try SharedData.bytes("suites/cbor-test-vectors/appendix_a.json"))
        return try #require(json.array).map { entry in
            let object = try #require(entry.object)
            let hex = try #require(object["hex"]?.string)
            return Vector(
                bytes: try Hex.decode(hex),
                hex: hex,
                isRoundTrip: object["roundtrip"] == true,
                decoded: object["decoded"]
            )
        }
    }

    @Test func `decodes every vector with all leniencies, to the value that it stands for`() throws {
        for vector in try Self.vectors() {
            let value = try CBORDecoder.decode(vector.bytes, limits: .test, allowing: .all)
            if let decoded = vector.decoded { #expect(represents(value, decoded), "\(vector.hex)") }
        }
    }

    // RFC 8949 section 3.3.
    @Test func `refuses the vector that RFC 8949 no longer takes for well-formed`() throws {
        #expect(throws: CBORError(code: .malformed, offset: 0)) {
            try CBORDecoder.decode(try Hex.decode(Self.noLongerWellFormed), limits: .test, allowing: .all)
        }
    }

    @Test func `encodes every vector that is in shortest form to the same bytes`() throws {
        for vector in try Self.vectors() where vector.isRoundTrip {
            let value = try CBORDecoder.decode(vector.bytes, limits: .test, allowing: .all)
            #expect(Hex.encode(value.encoded()) == vector.hex)
            #expect(Hex.encode(value.encoded(mapOrder: .asGiven)) == vector.hex)
        }
    }

    @Test func `demands for each vector exactly the leniency that its form asks for`() throws {
        for vector in try Self.vectors() {
            let code = strictVerdict(vector.bytes, isShortest: vector.isRoundTrip)
            do throws(CBORError) {
                _ = try CBORDecoder.decode(vector.bytes, limits: .test)
                #expect(code == nil, "\(vector.hex)")
            } catch {
                #expect(error.code == code, "\(vector.hex)")
            }
        }
    }

    /// What the strict decoder says, by the first head that it does not take.
    private func strictVerdict(_ bytes: [UInt8], isShortest: Bool) -> CBORError.Code? {
        let floats: ClosedRange<UInt8> = 0xF9...0xFB
        switch bytes[0] {
        case floats: return isShortest ? .unexpectedSimpleValue : .nonShortestForm
        case 0xE0...0xF3, 0xF7, 0xF8: return .unexpectedSimpleValue
        case 0xC0...0xDB: return .unexpectedTag
        case 0x5F, 0x7F, 0x9F, 0xBF: return .indefiniteLength
        // Definite arrays with an element of indefinite length.
        case 0x82, 0x83: return isShortest ? nil : .indefiniteLength
        default: return nil
        }
    }

    private func represents(_ value: CBORValue, _ json: JSON) -> Bool {
        switch (value, json) {
        case (.null, .null): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.text(let a), .string(let b)): return a == b
        case (.unsigned(let a), .number(let b)): return String(a) == b.text
        // -1 - n of 64 bits is one beyond UInt64 at most.
        case (.negative(let a), .number(let b)):
            return (a == .max ? "-18446744073709551616" : "-\(a + 1)") == b.text
        case (.half(let a), .number(let b)), (.single(let a), .number(let b)): return Double(a) == b.double
        case (.double(let a), .number(let b)): return a == b.double
        // Bignums.
        case (.tagged(2, .bytes([1, 0, 0, 0, 0, 0, 0, 0, 0])), .number(let b)): return b.text == "18446744073709551616"
        case (.tagged(3, .bytes([1, 0, 0, 0, 0, 0, 0, 0, 0])), .number(let b)): return b.text == "-18446744073709551617"
        case (.array(let a), .array(let b)): return a.count == b.count && zip(a, b).allSatisfy(represents)
        case (.map(let a), .object(let b)):
            return a.entries.count == b.members.count
                && zip(a.entries, b.members).allSatisfy { $0.key == .text($1.name) && represents($0.value, $1.value) }
        default: return false
        }
    }
}

extension CBORLimits {
    static let test = CBORLimits(totalLength: 1 << 20, depth: 16, items: 100_000, stringLength: 1 << 16)
}
