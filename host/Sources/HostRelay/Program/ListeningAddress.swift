// SPDX-License-Identifier: Apache-2.0

import Glibc
import Transport

/// Whether an address could be listened on.
enum ListeningAddress {
    /// Nil if it could, or is in use.
    static func problem(of endpoint: Endpoint) -> String? {
        switch endpoint {
        case .unix(let path):
            let folder = path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
            return unsafe access(folder.isEmpty ? "/" : folder, W_OK | X_OK) == 0
                ? nil : "\(folder): \(text(errno))"
        case .vsock:
            let descriptor = socket(AF_VSOCK, CInt(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { return "no AF_VSOCK in this kernel: \(text(errno))" }
            close(descriptor)
            return nil
        case .tcp(let host, let port): return problem(host, port)
        }
    }

    private static func problem(_ host: String, _ port: Int) -> String? {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &found) == 0, let address = unsafe found else {
            return "\(host) has no address"
        }
        defer { unsafe freeaddrinfo(address) }
        let descriptor = unsafe socket(address.pointee.ai_family, address.pointee.ai_socktype, 0)
        guard descriptor >= 0 else { return text(errno) }
        defer { close(descriptor) }
        var on: CInt = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        let result = unsafe bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen)
        return result == 0 || errno == EADDRINUSE ? nil : text(errno)
    }

    private static func text(_ code: CInt) -> String {
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
