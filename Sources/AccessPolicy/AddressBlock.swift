// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An IPv4 or IPv6 address with a prefix length: `203.0.113.0/24`, `2001:db8::/32` (RFC 4632, RFC 4291). An address alone
/// is a block of itself.
struct AddressBlock: Sendable, Equatable {
    /// 4 or 16 bytes.
    private let network: [UInt8]
    private let prefixLength: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let network = Self.address(String(parts[0])) else { return nil }
        self.network = network
        guard parts.count == 2 else {
            prefixLength = network.count * 8
            return
        }
        guard
            (1...3).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let length = Int(parts[1]), length <= network.count * 8
        else { return nil }
        prefixLength = length
    }

    /// Whether an address of the same family has the block's prefix.
    func contains(_ address: [UInt8]) -> Bool {
        guard address.count == network.count else { return false }
        return zip(network, address).enumerated().allSatisfy { index, pair in
            // How many bits of this byte belong to the prefix.
            let bits = min(max(prefixLength - index * 8, 0), 8)
            return (pair.0 ^ pair.1) >> (8 - bits) == 0
        }
    }

    /// The bytes of an address; nil for anything that inet_pton does not take.
    static func address(_ text: String) -> [UInt8]? {
        // A zero byte would end the text for inet_pton.
        guard text.utf8.count < Int(INET6_ADDRSTRLEN), !text.utf8.contains(0) else { return nil }
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            let result = unsafe bytes.withUnsafeMutableBytes { unsafe inet_pton(family, text, $0.baseAddress) }
            if result == 1 { return bytes }
        }
        return nil
    }
}
