// SPDX-License-Identifier: Apache-2.0

/// The names that a signed Host may have: `name`, `name:port`, `[IPv6]`, `[IPv6]:port`. Compared without regard to case.
struct SignedHosts: Sendable {
    private let entries: Set<String>

    init(_ hosts: [String]) {
        entries = Set(hosts.map(CanonicalHeaders.lowercased))
    }

    /// An entry with a port matches that port only, one without matches any.
    func contains(_ header: String) -> Bool {
        var text = CanonicalHeaders.lowercased(header).utf8[...]
        while text.last == 0x20 || text.last == 0x09 { text = text.dropLast() }
        text = text.drop { $0 == 0x20 || $0 == 0x09 }
        guard text.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
        return entries.contains(String(Substring(text))) || entries.contains(String(Substring(Self.withoutPort(text))))
    }

    private static func withoutPort(_ host: Substring.UTF8View) -> Substring.UTF8View {
        guard let colon = host.lastIndex(of: UInt8(ascii: ":")) else { return host }
        let port = host[host.index(after: colon)...]
        let name = host[..<colon]
        guard port.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return host }
        // In `[::1]` the last colon is part of the address.
        guard (name.first == UInt8(ascii: "[")) == (name.last == UInt8(ascii: "]")) else { return host }
        return name
    }
}
