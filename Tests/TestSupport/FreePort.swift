// SPDX-License-Identifier: Apache-2.0

import Glibc

/// TCP ports for programs that have to be told one. Whatever can listen on port 0 should.
package enum FreePort: Sendable {
    package struct NotFound: Error {}

    /// A port of 127.0.0.1 that nobody listens on now.
    package static func next() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard bound else { throw NotFound() }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
