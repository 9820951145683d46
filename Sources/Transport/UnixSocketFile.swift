// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A bound unix socket and the file that names it.
///
/// The file is made with mode 0600. One that nobody listens on any more (left by a crash) is replaced; one in use, or
/// any other kind of file, is an error.
struct UnixSocketFile: Sendable {
    let path: String
    /// Owned by the caller until it is given to the event loop.
    let descriptor: CInt
    private let device: UInt
    private let inode: UInt

    /// Makes, restricts and binds the socket; it does not listen yet.
    ///
    /// - Throws: ``ListenerError``.
    init(binding path: String) throws(ListenerError) {
        guard let address = Self.address(path) else { throw .unusable("the socket's path is too long") }
        try Self.removeStale(path, address)
        let socket = Self.makeSocket()
        guard socket >= 0 else { throw .system("socket", errno) }
        // Before bind: Linux takes the file's mode from the socket's own inode, so nobody can connect in between.
        guard fchmod(socket, 0o600) == 0, unsafe Self.call(bind, socket, address) == 0 else {
            let code = errno
            close(socket)
            throw .system("bind \(path)", code)
        }
        guard let status = Self.status(path) else {
            let code = errno
            close(socket)
            throw .system("stat \(path)", code)
        }
        self.path = path
        descriptor = socket
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
    }

    /// Removes the file if it is still the one that was made here.
    func remove() {
        guard let status = Self.status(path), UInt(status.st_dev) == device, UInt(status.st_ino) == inode else {
            return
        }
        unsafe unlink(path)
    }

    private static func removeStale(_ path: String, _ address: sockaddr_un) throws(ListenerError) {
        guard let status = status(path) else {
            if errno == ENOENT { return }
            throw .system("stat \(path)", errno)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .unusable("\(path) exists and is not a socket") }
        let probe = makeSocket()
        guard probe >= 0 else { throw .system("socket", errno) }
        defer { close(probe) }
        if unsafe call(connect, probe, address) == 0 || errno == EAGAIN {
            throw .unusable("another program listens on \(path)")
        }
        guard errno == ECONNREFUSED || errno == ENOENT else { throw .system("connect \(path)", errno) }
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .system("remove \(path)", errno) }
    }

    private static func makeSocket() -> CInt {
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status : nil
    }

    private static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count <= Endpoint.maximumPathLength else { return nil }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return address
    }

    private static func call(
        _ function: (CInt, UnsafePointer<sockaddr>?, socklen_t) -> CInt,
        _ socket: CInt,
        _ address: sockaddr_un
    ) -> CInt {
        var address = address
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe function(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
