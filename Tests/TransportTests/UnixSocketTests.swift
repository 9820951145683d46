// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix
import TestSupport
import Testing
import Transport

struct UnixSocketTests {
    private func mode(_ path: String) -> UInt32? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status.st_mode : nil
    }

    @Test func `only its owner may connect, and the file goes at the end`() async throws {
        let path = temporaryPath("mode.sock")
        try await withServer(on: .unix(path: path)) { server, _ in
            #expect(mode(path).map { $0 & 0o7777 } == 0o600)
            let client = try RawConnection(path: path)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(await client.receiveText().hasPrefix("HTTP/1.1 200 "))
            await server.shutdown(grace: .zero)
            #expect(mode(path) == nil)
        }
    }

    @Test func `a socket that a crash left is replaced`() async throws {
        let path = temporaryPath("stale.sock")
        let left = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(left, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(left)
        try await withServer(on: .unix(path: path)) { _, _ in _ = try RawConnection(path: path) }
    }

    @Test func `a socket in use is left alone`() async throws {
        let path = temporaryPath("used.sock")
        try await withServer(on: .unix(path: path)) { _, _ in
            await #expect(throws: ListenerError.self) { try await withServer(on: .unix(path: path)) { _, _ in } }
            _ = try RawConnection(path: path)
        }
    }

    @Test func `another kind of file is left alone`() async throws {
        let path = temporaryPath("file")
        let file = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
        close(file)
        await #expect(throws: ListenerError.self) { try await withServer(on: .unix(path: path)) { _, _ in } }
        #expect(mode(path).map { $0 & S_IFMT } == S_IFREG)
        unsafe unlink(path)
    }

    @Test func `at the end a socket that another has put in its place stays`() async throws {
        let path = temporaryPath("taken.sock")
        try await withServer(on: .unix(path: path)) { server, _ in
            unsafe unlink(path)
            try await withServer(on: .unix(path: path)) { _, _ in
                await server.shutdown(grace: .zero)
                _ = try RawConnection(path: path)
            }
        }
    }

    @Test func `a port in use is an error of one line`() async throws {
        try await withServer { _, port in
            let error = await #expect(throws: ListenerError.self) {
                try await withServer(on: .tcp(host: "127.0.0.1", port: port)) { _, _ in }
            }
            #expect(error?.description == "cannot listen on tcp://127.0.0.1:\(port): Address already in use")
        }
    }
}
