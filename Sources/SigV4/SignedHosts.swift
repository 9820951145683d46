// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The names that a signed Host may have: `name`, `name:port`, `[IPv6]`, `[IPv6]:port`. Compared without regard to case.
struct SignedHosts: Sendable {
    /// In lower case. A few: looking at them all costs less than hashing.
    private let entries: [[UInt8]]

    init(_ hosts: [String]) {
        entries = hosts.map { $0.utf8.map(Self.lowercased) }
    }

    /// An entry with a port matches that port only, one without matches any.
    func contains(_ header: ArraySlice<UInt8>) -> Bool {
        var text = header
        while text.last == 0x20 || text.last == 0x09 { text.removeLast() }
        text = text.drop { $0 == 0x20 || $0 == 0x09 }
        guard text.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
        let name = Self.withoutPort(text)
        return entries.contains { Self.isEqual($0, text) || Self.isEqual($0, name) }
    }

    private static func isEqual(_ entry: [UInt8], _ text: ArraySlice<UInt8>) -> Bool {
        entry.count == text.count && zip(entry, text).allSatisfy { $0 == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func withoutPort(_ host: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let colon = host.lastIndex(of: UInt8(ascii: ":")) else { return host }
        let port = host[(colon + 1)...]
        let name = host[..<colon]
        guard port.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return host }
        // In `[::1]` the last colon is part of the address.
        guard (name.first == UInt8(ascii: "[")) == (name.last == UInt8(ascii: "]")) else { return host }
        return name
    }
}
