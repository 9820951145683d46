// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// The authors of RFC 8785 publish a hundred million numbers, how to make them, and digests of what ECMAScript writes of the first
/// thousand, ten thousand …
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct ECMAScriptNumberTests {
    private static let folder = "suites/jcs-rfc8785/testdata"

    @Test(arguments: [
        (1000, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"),
        (10000, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"),
    ])
    func `numbers have the text that ECMAScript gives them`(count: Int, digest: String) throws {
        var hash = IncrementalHash(.sha256)
        for number in try Self.numbers(count) {
            let text = try #require(ECMAScriptNumber.text(number))
            hash.update(Array("\(String(number.bitPattern, radix: 16)),\(text)\n".utf8))
        }
        #expect(Hex.encode(hash.finish()) == digest)
    }

    @Test func `every double has its text as canonical form, unless it is written as an integer that is not safe`()
        throws
    {
        var refused = 0
        for number in try Self.numbers(10000) {
            let text = try #require(ECMAScriptNumber.text(number))
            // With a fraction or an exponent, as Swift and Python write it.
            let double = try CanonicalForm.rfc8785.encode(try JSON.parse(Array("\(number)".utf8)))
            #expect(double == Array(text.utf8), "\(number)")
            let canonical = try? CanonicalForm.rfc8785.encode(try JSON.parse(Array(text.utf8)))
            #expect((canonical ?? double) == double)
            let isUnsafe = number.magnitude >= 0x1p53 && number.magnitude < 1e21
            #expect((canonical == nil) == isUnsafe, "\(text)")
            if isUnsafe { refused += 1 }
        }
        #expect(refused > 0)
    }

    /// The numbers that the page lists, 2,000 around the least normal one, then what SHA-256 over and over gives.
    private static func numbers(_ count: Int) throws -> [Double] {
        let page = String(decoding: try SharedData.bytes("\(folder)/README.md"), as: UTF8.self)
        let list = try #require(
            page.components(separatedBy: "staticU64s = new").last?.components(separatedBy: "])").first
        )
        var numbers = list.matches(of: /0x([0-9a-f]{16})n/).compactMap { UInt64($0.1, radix: 16) }
            .map { Double(bitPattern: $0) }
        numbers += (0..<2000).map { Double(bitPattern: 0x0010_0000_0000_0000 + $0) }
        var block = [UInt8](repeating: 0, count: 32)
        while numbers.count < count {
            block = Hash.digest(.sha256, block)
            for word in 0..<4 {
                // Little-endian, as on the machines that the list was made on.
                let bits = block[(8 * word)..<(8 * word + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let number = Double(bitPattern: bits)
                if number != 0, number.isFinite { numbers.append(number) }
            }
        }
        return Array(numbers.prefix(count))
    }
}
