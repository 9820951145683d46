// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Glibc

/// A name or an address that clients use for the broker, as its certificate says it.
package enum IngressName: Sendable, Hashable {
    /// Lower case, no dot at the end.
    case dns(String)
    /// 4 or 16 bytes, network order.
    case address([UInt8])

    /// Bytes of a name and of one label of it (RFC 1035 section 2.3.4; 253 is what is left of 255 for text).
    private static let maximumLength = 253
    private static let maximumLabelLength = 63

    /// Reads a name or address without a port: letters, digits and hyphens in labels (RFC 1123 section 2.1), dotted
    /// quads, IPv6 in any of its texts. Nil for anything else, and for what some programs take for an address (`127.1`).
    package init?(_ text: String) {
        if let address = Self.parse(text, AF_INET, 4) ?? Self.parse(text, AF_INET6, 16) {
            self = .address(address)
            return
        }
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.maximumLength, labels.allSatisfy(Self.isLabel), let last = labels.last,
            !last.allSatisfy(Self.isDigit)
        else { return nil }
        self = .dns(text.lowercased())
    }

    /// Reads an entry of a configuration's `hosts`: a name or an IPv4 address, or an IPv6 address in brackets, each with
    /// a port or without. The port is no part of a name.
    package init?(host entry: String) {
        var rest = Substring(entry)
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            let inside = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
            guard rest.isEmpty || rest.first == ":", let address = Self.parse(String(inside), AF_INET6, 16) else {
                return nil
            }
            self = .address(address)
        } else {
            let name = rest.prefix { $0 != ":" }
            rest = rest[name.endIndex...]
            self.init(String(name))
        }
        guard rest.isEmpty || rest.dropFirst().utf8.allSatisfy(Self.isDigit) else { return nil }
    }

    /// Nil for kinds of names that this product never writes.
    package init?(_ name: GeneralName) {
        switch name {
        case .dnsName(let text): self.init(text)
        case .ipAddress(let bytes): self = .address(bytes)
        case .other: return nil
        }
    }

    package var generalName: GeneralName {
        switch self {
        case .dns(let name): .dnsName(name)
        case .address(let bytes): .ipAddress(bytes)
        }
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool { isLabel(Array(label)) }

    private static func isLabel(_ label: [UInt8]) -> Bool {
        guard (1...maximumLabelLength).contains(label.count), label.first != UInt8(ascii: "-"),
            label.last != UInt8(ascii: "-")
        else { return false }
        return label.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"): true
            default: isDigit(byte)
            }
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func parse(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}

extension IngressName: CustomStringConvertible {
    package var description: String {
        switch self {
        case .dns(let name): return name
        case .address(let bytes):
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            let family = bytes.count == 4 ? AF_INET : AF_INET6
            guard unsafe inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "address" }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}

// MARK: Private names

extension IngressName {
    /// Domains under which no public name can be, so that no public certificate authority vouches for one (CA/Browser
    /// Forum, Baseline Requirements 4.2.2) and no public service has one.
    package static let privateDomains = [
        // RFC 6761 sections 6.2, 6.3 and 6.5: test names, loopback, documentation.
        "test", "localhost", "example",
        // RFC 6762 section 3: multicast DNS on the local link.
        "local",
        // ICANN, resolution of 29 July 2024: never delegated, for private use. EC2's own names end with it.
        "internal",
        // RFC 8375: home networks.
        "home.arpa",
        // RFC 6762 appendix G: in private use, never delegated since; ICANN, resolution of 4 February 2018, holds back
        // corp and home for good.
        "intranet", "private", "corp", "home", "lan",
    ]

    private static let privateNetworks: [(prefix: [UInt8], bits: Int)] = [
        // RFC 1918.
        ([10], 8), ([172, 16], 12), ([192, 168], 16),
        // RFC 1122 section 3.2.1.3: loopback. RFC 3927: link-local. RFC 6598: shared address space.
        ([127], 8), ([169, 254], 16), ([100, 64], 10),
    ]
    private static let privateNetworks6: [(prefix: [UInt8], bits: Int)] = [
        // RFC 4291 sections 2.5.3 and 2.5.6: loopback, link-local. RFC 4193: unique local addresses.
        ([UInt8](repeating: 0, count: 15) + [1], 128), ([0xFE, 0x80], 10), ([0xFC], 7),
    ]

    /// Whether nobody on the public Internet can have this name or address: one of ``privateDomains``, a name of one
    /// label, an address that is not routed publicly.
    package var isPrivate: Bool {
        switch self {
        case .dns(let name):
            !name.contains(".") || Self.privateDomains.contains { name == $0 || name.hasSuffix("." + $0) }
        case .address(let bytes):
            (bytes.count == 4 ? Self.privateNetworks : Self.privateNetworks6).contains {
                Self.matches(bytes, $0.prefix, bits: $0.bits)
            }
        }
    }

    private static func matches(_ bytes: [UInt8], _ prefix: [UInt8], bits: Int) -> Bool {
        let whole = bits / 8
        guard bytes.prefix(whole) == prefix.prefix(whole) else { return false }
        let rest = bits % 8
        guard rest > 0 else { return true }
        guard bytes.count > whole, prefix.count > whole else { return false }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
        return bytes[whole] & mask == prefix[whole] & mask
    }
}

extension BrokerConfiguration {
    /// What the certificate is to name: every host, without its port, each once.
    package var ingressNames: [IngressName] {
        var names: [IngressName] = []
        for host in hosts {
            if let name = IngressName(host: host), !names.contains(name) { names.append(name) }
        }
        return names
    }
}
