// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Connections open now: to the enclave, and of each address.
final class ConnectionBudget: Sendable {
    private struct State {
        var toEnclave = 0
        var byAddress: [[UInt8]: Int] = [:]
    }

    private let limits: IngressLimits
    private let state = Mutex(State())

    init(_ limits: IngressLimits) { self.limits = limits }

    /// A place for a client, until its channel closes; false: its address has all that it may have. A client without an
    /// address (a unix socket) is no one's.
    func admit(_ client: any Channel) -> Bool {
        guard let address = client.remoteAddress.flatMap(Self.network) else { return true }
        let isAdmitted = state.withLock { state in
            let count = state.byAddress[address, default: 0]
            guard count < limits.connectionsPerAddress else { return false }
            state.byAddress[address] = count + 1
            return true
        }
        if isAdmitted {
            client.closeFuture.whenComplete { _ in
                self.state.withLock { state in
                    let left = (state.byAddress[address] ?? 1) - 1
                    state.byAddress[address] = left > 0 ? left : nil
                }
            }
        }
        return isAdmitted
    }

    /// A place for a connection to the enclave, given back with ``releaseEnclave()``.
    func admitToEnclave() -> Bool {
        state.withLock { state in
            guard state.toEnclave < limits.enclaveConnections else { return false }
            state.toEnclave += 1
            return true
        }
    }

    func releaseEnclave() { state.withLock { $0.toEnclave -= 1 } }

    /// The address of IPv4, the first 64 bits of IPv6; an IPv4 address in IPv6 clothes (RFC 4291 section 2.5.5.2) is
    /// IPv4.
    private static func network(_ address: SocketAddress) -> [UInt8]? {
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
