// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import Glibc
import HostRelay
import TestSupport
import Testing

/// The host under a service manager.
struct ServiceTests {
    /// A host without an enclave, over a folder of its own.
    private final class Scene {
        let folder: TemporaryDirectory
        let process = Process()
        let manager: NotifyListener

        var ingress: String { folder.file("ingress.sock") }
        var log: String { folder.read("log") }

        init(
            ingress: String? = nil,
            environment: [String: String] = [:],
            with program: [String] = []
        ) throws {
            folder = try TemporaryDirectory()
            manager = try NotifyListener(folder.file("notify.sock"))
            try folder.write("enclave.json", "{}")
            try configure(ingress: ingress)
            try folder.write("log", "")
            let command = program + [Programs.path("keybroker-host"), "--config", folder.file("host.json")]
            process.executableURL = URL(fileURLWithPath: command[0])
            process.arguments = Array(command.dropFirst())
            process.environment = ["NOTIFY_SOCKET": manager.path].merging(environment) { $1 }
            process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file("log")))
            process.standardError = FileHandle.nullDevice
        }

        func configure(ingress: String? = nil, perAddress: Int = 10, kms: String = "http://127.0.0.1:1") throws {
            try folder.write(
                "host.json",
                #"""
                {"format": 1, "enclave": {"endpoint": "unix://\#(folder.path)/enclave.sock"},
                 "relay": {"listen": "unix://\#(folder.path)/relay.sock"},
                 "ingress": {"listen": "\#(ingress ?? "unix://\(folder.path)/ingress.sock")",
                             "maximumConnectionsPerAddress": \#(perAddress)},
                 "admin": {"listen": "unix://\#(folder.path)/admin.sock"},
                 "kms": {"endpoint": "\#(kms)", "region": "us-east-1", "operations": ["Decrypt"]},
                 "configuration": "\#(folder.path)/enclave.json", "state": "\#(folder.path)/state"}
                """#
            )
        }

        func start() throws { try process.run() }

        func signal(_ number: Int32) { kill(process.processIdentifier, number) }

        func end() async {
            signal(SIGTERM)
            #expect(await eventually { !process.isRunning })
            if process.isRunning { signal(SIGKILL) }
        }

        deinit { if process.isRunning { signal(SIGKILL) } }
    }

    /// What a service manager listens with (sd_notify(3)).
    private final class NotifyListener {
        let path: String
        private let descriptor: CInt

        init(_ path: String) throws {
            self.path = path
            descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8.prefix(107)) }
            let result = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(result == 0)
        }

        deinit { close(descriptor) }

        /// The next message; nil after ten seconds.
        func next() async -> String? {
            var bytes = [UInt8](repeating: 0, count: 4096)
            for _ in 0..<1000 {
                let count = unsafe bytes.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
                if count >= 0 { return String(decoding: bytes.prefix(count), as: UTF8.self) }
                try? await Task.sleep(for: .milliseconds(10))
            }
            return nil
        }
    }

    @Test func `it says when it serves, while it reads its configuration again, and when it stops`() async throws {
        let scene = try Scene()
        try scene.start()
        #expect(await scene.manager.next() == "READY=1\nSTATUS=serving")
        // It does listen.
        _ = try RawConnection(path: scene.ingress)
        scene.signal(SIGHUP)
        #expect(await scene.manager.next()?.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") == true)
        #expect(await scene.manager.next() == "READY=1\nSTATUS=serving")
        scene.signal(SIGTERM)
        #expect(await scene.manager.next() == "STOPPING=1\nSTATUS=stopping")
        await scene.end()
        #expect(scene.process.terminationStatus == 0)
    }

    @Test func `a watchdog hears from it, twice in its time`() async throws {
        let scene = try Scene(environment: ["WATCHDOG_USEC": "400000"])
        try scene.start()
        #expect(await scene.manager.next() == "READY=1\nSTATUS=serving")
        for _ in 0..<3 { #expect(await scene.manager.next() == "WATCHDOG=1") }
        await scene.end()
    }

    @Test func `a watchdog of another process, and none, hear nothing`() async throws {
        for environment in [["WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"], [:]] {
            let scene = try Scene(environment: environment)
            try scene.start()
            #expect(await scene.manager.next() == "READY=1\nSTATUS=serving")
            try await Task.sleep(for: .milliseconds(100))
            scene.signal(SIGTERM)
            #expect(await scene.manager.next() == "STOPPING=1\nSTATUS=stopping")
            await scene.end()
        }
    }

    private static let activator = "/usr/bin/systemd-socket-activate"

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: activator), "needs systemd's programs"))
    func `systemd's socket is the ingress, and whoever connected before it ran is served`() async throws {
        let port = try FreePort.next()
        let scene = try Scene(
            ingress: "tcp://127.0.0.1:\(port)",
            with: [Self.activator, "--listen=127.0.0.1:\(port)", "--fdname=ingress"]
        )
        try scene.start()
        var client: RawConnection?
        #expect(
            await eventually {
                client = try? RawConnection(port: port)
                return client != nil
            }
        )
        // This very connection started it.
        try client?.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        let answer = await client?.receiveText() ?? ""
        #expect(answer.hasPrefix("HTTP/1.1 500 ") && answer.contains("KeyUnavailableException"), "\(answer)")
        #expect(await eventually { scene.log.contains("tcp://127.0.0.1:\(port)") })
        await scene.end()
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: activator), "needs systemd's programs"))
    func `a socket that nothing here is for is an error that says what to do`() async throws {
        let port = try FreePort.next()
        let scene = try Scene(with: [Self.activator, "--listen=127.0.0.1:\(port)", "--fdname=relay"])
        let errors = Pipe()
        scene.process.standardError = errors
        try scene.start()
        var client: RawConnection?
        #expect(
            await eventually {
                client = try? RawConnection(port: port)
                return client != nil
            }
        )
        #expect(await eventually { !scene.process.isRunning })
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(scene.process.terminationStatus == 1)
        #expect(text.contains("a socket named relay") && text.contains("FileDescriptorName=ingress"), "\(text)")
    }

    @Test func `reloading takes up what can change, names what cannot, and closes no connection`() async throws {
        let port = try FreePort.next()
        let address = "tcp://127.0.0.1:\(port)"
        let scene = try Scene(ingress: address)
        try scene.start()
        #expect(await scene.manager.next() == "READY=1\nSTATUS=serving")
        let client = try RawConnection(port: port)
        try client.send("GET ")

        func reload() async {
            scene.signal(SIGHUP)
            #expect(await scene.manager.next()?.hasPrefix("RELOADING=1") == true)
            #expect(await scene.manager.next() == "READY=1\nSTATUS=serving")
        }
        try scene.configure(ingress: address, perAddress: 1)
        await reload()
        #expect(await eventually { scene.log.contains(#""event":"configuration reloaded"}"#) })
        // It is open still, and the one place of its address is taken from it by the next one.
        #expect(await client.receive(milliseconds: 100) == nil)
        let next = try RawConnection(port: port)
        #expect(await client.isClosed(within: 10_000))
        try next.send("GET / HTTP/1.1\r\n\r\n")
        #expect(await next.receiveText().hasPrefix("HTTP/1.1 500 "))

        try scene.configure(ingress: "tcp://127.0.0.1:1")
        await reload()
        #expect(await eventually { scene.log.contains(#""needRestart":"ingress.listen""#) })
        _ = try RawConnection(port: port)

        try scene.folder.write("host.json", "{")
        await reload()
        #expect(await eventually { scene.log.contains(#""event":"configuration not reloaded""#) })
        let metrics = try RawConnection(path: scene.folder.file("admin.sock"))
        try metrics.send("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        let page = await metrics.receiveText()
        #expect(page.contains(#"keybroker_host_reloads_total{outcome="ok"} 2"#), "\(page)")
        #expect(page.contains(#"keybroker_host_reloads_total{outcome="failed"} 1"#))
        await scene.end()
    }

    @Test func `lines for the journal begin with their priority, others with a brace`() async throws {
        for isJournal in [true, false] {
            let scene = try Scene()
            var status = stat()
            unsafe stat(scene.folder.file("log"), &status)
            let inode = isJournal ? status.st_ino : 1
            scene.process.environment?["JOURNAL_STREAM"] = "\(status.st_dev):\(inode)"
            try scene.start()
            #expect(await scene.manager.next() == "READY=1\nSTATUS=serving")
            // One of another level.
            let client = try RawConnection(path: scene.ingress)
            try client.send("GET / HTTP/1.1\r\n\r\n")
            #expect(await eventually { scene.log.contains("enclave unreachable") })
            await scene.end()
            for line in scene.log.split(separator: "\n") {
                let expected = line.contains(#""level":"warning""#) ? "<4>{" : "<6>{"
                #expect(line.hasPrefix(isJournal ? expected : "{"), "\(line)")
            }
        }
    }
}
