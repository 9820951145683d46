// SPDX-License-Identifier: Apache-2.0

import Glibc

/// TCP ports for programs that have to be told one. Whatever can listen on port 0 should.
package enum FreePort: Sendable {
    package struct NotFound: Error {}

    /// Below those that Linux gives to clients (32768 and up): a server that starts again finds its port as it left it.
    private static let range = 20_000...32_000

    /// A port of 127.0.0.1 that nobody listens on now.
    package static func next() throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: range)
            if isFree(port) { return port }
        }
        throw NotFound()
    }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0
            }
        }
    }
}
