// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A stream socket: for tests that send bytes no client library would send. Waits on threads of its own, so that tests
/// side by side do not starve each other.
package final class RawConnection: Sendable {
    package struct Failure: Error {
        package let call: String
        package let code: Int32
    }

    private let descriptor: CInt

    /// Connects to 127.0.0.1, from another loopback address if one is given (`0x7F00_0002`).
    package init(port: Int, from source: UInt32? = nil) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        if let source {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = source.bigEndian
            let result = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else { throw Failure(call: "bind", code: errno) }
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try connect(&address)
    }

    /// Connects to a unix socket.
    package init(path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8.prefix(107)) }
        try connect(&address)
    }

    deinit { close(descriptor) }

    private func connect<Address>(_ address: inout Address) throws {
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard result == 0 else { throw Failure(call: "connect", code: errno) }
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends all of `bytes`; an error if the peer has gone.
    package func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(call: "send", code: errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// Says that no more is coming.
    package func finishSending() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// What comes within `milliseconds`, at most `limit` bytes; empty at the end of the stream, nil if nothing came.
    package func receive(limit: Int = 65_536, milliseconds: Int32 = 10_000) async -> [UInt8]? {
        if let ready = receiveNow(limit, 0) { return ready }
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: self.receiveNow(limit, milliseconds)) }
        }
    }

    private func receiveNow(_ limit: Int, _ milliseconds: Int32) -> [UInt8]? {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe Glibc.poll(&poll, 1, milliseconds) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        return count > 0 ? Array(buffer.prefix(count)) : []
    }

    /// Everything until the peer closes or nothing has come for `milliseconds`.
    package func receiveAll(milliseconds: Int32 = 10_000) async -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = await receive(milliseconds: milliseconds), !bytes.isEmpty { all += bytes }
        return all
    }

    /// The same as text.
    package func receiveText(milliseconds: Int32 = 10_000) async -> String {
        String(decoding: await receiveAll(milliseconds: milliseconds), as: UTF8.self)
    }

    /// Reads until `count` bytes have come, or the end.
    package func receive(count: Int, milliseconds: Int32 = 10_000) async -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            guard let bytes = await receive(limit: count - all.count, milliseconds: milliseconds), !bytes.isEmpty else {
                break
            }
            all += bytes
        }
        return all
    }

    /// Reads until `text` has come.
    package func receive(until text: String, milliseconds: Int32 = 10_000) async -> String {
        var all: [UInt8] = []
        while !String(decoding: all, as: UTF8.self).contains(text) {
            guard let bytes = await receive(milliseconds: milliseconds), !bytes.isEmpty else { break }
            all += bytes
        }
        return String(decoding: all, as: UTF8.self)
    }

    /// False once the peer has closed, as far as is known now. Bytes that have come stay.
    package var isOpen: Bool {
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, CInt(MSG_PEEK | MSG_DONTWAIT))
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
    }

    /// True if the peer closes, and nothing more has come for `milliseconds` before; bytes that come are dropped.
    package func isClosed(within milliseconds: Int32) async -> Bool {
        while let bytes = await receive(milliseconds: milliseconds) {
            if bytes.isEmpty { return true }
        }
        return false
    }
}
