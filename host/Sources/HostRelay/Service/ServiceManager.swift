// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The service manager that started this process, systemd or one that does the same: what it gives (sockets, a watchdog)
/// and what it wants to hear. Without one, nothing of it happens.
package struct ServiceManager: Sendable {
    /// Where it listens for what we have to say (sd_notify(3)); nil: nowhere.
    private let notifySocket: [UInt8]?
    /// It ends us if it does not hear from us for this long (sd_watchdog_enabled(3)).
    let watchdog: Duration?
    /// Listening sockets that it made, by name (sd_listen_fds_with_names(3)).
    let sockets: [(name: String, descriptor: CInt)]
    /// Standard output is the journal's (systemd.exec(5), "JOURNAL_STREAM").
    let logsToJournal: Bool

    /// As many as a host can have use for, and more.
    private static let maximumSockets = 16
    /// sd_listen_fds(3): SD_LISTEN_FDS_START.
    private static let firstSocket: CInt = 3

    /// What the environment says of it. Variables are taken out, so that nothing that we start believes that they are
    /// meant for it.
    static func fromEnvironment() -> ServiceManager {
        let notify = take("NOTIFY_SOCKET").map { Array($0.utf8) }
        let microseconds = take("WATCHDOG_USEC").flatMap { Int64($0) }
        let isForUs = take("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
        let journal = take("JOURNAL_STREAM")
        return ServiceManager(
            notifySocket: notify,
            watchdog: isForUs ? microseconds.flatMap { $0 > 0 ? .microseconds($0) : nil } : nil,
            sockets: takeSockets(),
            logsToJournal: journal.map { $0 == streamName(STDOUT_FILENO) } ?? false
        )
    }

    // MARK: What it hears

    func ready(_ status: String) { notify("READY=1\nSTATUS=\(status)") }

    /// Between this and the next ``ready(_:)`` the configuration is read again.
    func reloading() {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        // The time is for systemd 253 and later (sd_notify(3)).
        notify("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1000)")
    }

    func stopping() { notify("STOPPING=1\nSTATUS=stopping") }

    func stillAlive() { notify("WATCHDOG=1") }

    /// One datagram, best effort: who does not listen does not want to know.
    private func notify(_ text: String) {
        guard var path = notifySocket, let first = path.first else { return }
        // A name in the abstract namespace begins with a zero byte, which is written as @.
        if first == UInt8(ascii: "@") { path[0] = 0 } else if first != UInt8(ascii: "/") { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < capacity else { return }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - capacity + path.count)
        let descriptor = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = unsafe bytes.withUnsafeBytes { buffer in
                    unsafe sendto(
                        descriptor,
                        buffer.baseAddress,
                        buffer.count,
                        CInt(MSG_NOSIGNAL),
                        address,
                        length
                    )
                }
            }
        }
    }

    // MARK: What it gives

    private static func takeSockets() -> [(name: String, descriptor: CInt)] {
        let process = take("LISTEN_PID").flatMap { Int32($0) }
        let count = take("LISTEN_FDS").flatMap { Int($0) } ?? 0
        let names = (take("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard process == getpid(), (1...maximumSockets).contains(count) else { return [] }
        return (0..<count).map { index in
            let descriptor = firstSocket + CInt(index)
            // Nothing that we start has them.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            return (index < names.count ? String(names[index]) : "", descriptor)
        }
    }

    /// The socket of this name; a single one without a name of its own is the `ingress`.
    ///
    /// - Throws: ``ServiceManagerError`` for several of the name, or one that does not listen.
    func socket(named name: String) throws(ServiceManagerError) -> CInt? {
        var found = sockets.filter { $0.name == name }
        if found.isEmpty, name == "ingress", let only = sockets.first, sockets.count == 1,
            ["", "unknown", "connection"].contains(only.name)
        {
            found = [only]
        }
        guard let descriptor = found.first?.descriptor else { return nil }
        guard found.count == 1 else {
            throw ServiceManagerError(
                "the service manager passed \(found.count) sockets named \(name), where one is used"
            )
        }
        var listens: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0, listens != 0 else {
            throw ServiceManagerError("the socket named \(name) that the service manager passed does not listen")
        }
        return descriptor
    }

    // MARK: Small things

    private static func take(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        unsafe unsetenv(name)
        return text.isEmpty ? nil : text
    }

    /// `DEVICE:INODE`
    private static func streamName(_ descriptor: CInt) -> String? {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? "\(status.st_dev):\(status.st_ino)" : nil
    }
}

/// What a service manager passed and cannot be used. One line for people.
struct ServiceManagerError: Error, Equatable, Sendable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
