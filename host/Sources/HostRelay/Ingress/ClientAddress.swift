// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What counts as one client's address.
enum ClientAddress {
    /// The address of IPv4, the first 64 bits of IPv6 (what one customer gets, RFC 6177); an IPv4 address in IPv6 clothes
    /// (RFC 4291 section 2.5.5.2) is IPv4. Nil for a unix socket.
    static func network(_ address: SocketAddress) -> [UInt8]? {
        // struct sockaddr_in and sockaddr_in6 of Linux: family and port, for IPv6 also the flow, before the address.
        let bytes = unsafe address.withSockAddr { unsafe [UInt8](UnsafeRawBufferPointer(start: $0, count: $1)) }
        switch address {
        case .v4: return Array(bytes.dropFirst(4).prefix(4))
        case .v6:
            let address = bytes.dropFirst(8).prefix(16)
            let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
            return Array(address.starts(with: mapped) ? address.dropFirst(12) : address.prefix(8))
        case .unixDomainSocket: return nil
        }
    }
}
