// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding

/// A configuration with another `minimumKeyringVersion`, and every other byte as it was.
enum ConfigurationFloor: Sendable {
    private static let member = "minimumKeyringVersion"

    /// - Throws: where the number cannot be found as it is usually written.
    static func raised(_ bytes: [UInt8], to version: UInt64) throws(CommandFailure) -> [UInt8] {
        let old: BrokerConfiguration
        let changed: [UInt8]
        do {
            old = try BrokerConfiguration(json: bytes)
            guard let range = numberRange(in: bytes) else { throw CommandFailure.failed("no \(member) to change") }
            changed =
                Array(bytes[..<range.lowerBound]) + Array(String(version).utf8) + Array(bytes[range.upperBound...])
            var expected = old
            expected.minimumKeyringVersion = version
            let new = try BrokerConfiguration(json: changed)
            try new.validate()
            // What is measured is what was meant.
            guard new == expected else { throw CommandFailure.failed("\(member) cannot be changed alone") }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage("not a broker's configuration: \(error)")
        }
        return changed
    }

    /// Where the number stands, in JSON that parses: after the member's name at the top level.
    private static func numberRange(in bytes: [UInt8]) -> Range<Int>? {
        let name = Array(member.utf8)
        var depth = 0
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""):
                let start = index + 1
                index = start
                while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
                    index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                if depth == 1, index < bytes.count, bytes[start..<index].elementsEqual(name),
                    let range = number(in: bytes, after: index + 1)
                {
                    return range
                }
            default: break
            }
            index += 1
        }
        return nil
    }

    /// Digits after a colon, white space around it allowed.
    private static func number(in bytes: [UInt8], after index: Int) -> Range<Int>? {
        let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard let colon = bytes[index...].firstIndex(where: { !isSpace($0) }), bytes[colon] == UInt8(ascii: ":"),
            let start = bytes[(colon + 1)...].firstIndex(where: { !isSpace($0) })
        else { return nil }
        let end = bytes[start...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.count
        return start < end ? start..<end : nil
    }
}
