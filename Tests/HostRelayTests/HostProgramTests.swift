// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Transport

/// The program as a user starts it.
struct HostProgramTests {
    private struct Running {
        let process: Process
        let output: Pipe
        let errors: Pipe

        func signal(_ number: Int32) { kill(process.processIdentifier, number) }

        func end() async -> (code: Int32, output: String, errors: String) {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    let output = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                    let errors = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                    process.waitUntilExit()
                    continuation.resume(returning: (process.terminationStatus, output, errors))
                }
            }
        }
    }

    private func start(_ arguments: [String]) throws -> Running {
        let running = Running(process: Process(), output: Pipe(), errors: Pipe())
        running.process.executableURL = URL(fileURLWithPath: Programs.path("keybroker-host"))
        running.process.arguments = arguments
        running.process.environment = ["AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-host"]
        running.process.standardOutput = running.output
        running.process.standardError = running.errors
        try running.process.run()
        return running
    }

    /// A configuration in `folder` whose enclave is a script.
    private func configure(_ folder: TemporaryDirectory, enclave script: String) throws -> String {
        try folder.write("enclave", "#!/bin/sh\n\(script)\n", mode: 0o700)
        try folder.write("enclave.json", "{}")
        return try folder.write(
            "host.json",
            #"""
            {"format": 1,
             "enclave": {"executable": "\#(folder.path)/enclave", "module": "software:\#(folder.path)/module",
                         "endpoint": "unix://\#(folder.path)/enclave.sock"},
             "relay": {"listen": "unix://\#(folder.path)/relay.sock"},
             "ingress": {"listen": "unix://\#(folder.path)/ingress.sock"},
             "kms": {"endpoint": "http://127.0.0.1:1", "region": "us-east-1", "operations": ["Decrypt"]},
             "configuration": "\#(folder.path)/enclave.json",
             "state": "\#(folder.path)/state"}
            """#
        )
    }

    @Test func `help teaches, and version names the program`() async throws {
        let help = await (try start(["--help"])).end()
        #expect(help.code == 0 && help.output.hasPrefix("Usage: keybroker-host ") && help.errors.isEmpty)
        let version = await (try start(["--version"])).end()
        #expect(version.code == 0 && version.output.hasPrefix("keybroker-host "))
    }

    @Test func `wrong use and wrong configurations end with 2 and one line`() async throws {
        let folder = try TemporaryDirectory()
        let unknown = try folder.write("unknown.json", #"{"format": 1, "x": 1}"#)
        for arguments in [
            [], ["--config", "/nowhere/host.json"], ["--config", unknown], ["check", "--config", unknown],
        ] {
            let result = await (try start(arguments)).end()
            #expect(result.code == 2 && result.output.isEmpty)
            #expect(result.errors.hasPrefix("keybroker-host: ") && result.errors.filter { $0 == "\n" }.count == 1)
        }
    }

    @Test func `check says what is right and what is not`() async throws {
        let folder = try TemporaryDirectory()
        let file = try configure(folder, enclave: "exit 0")
        let right = await (try start(["check", "--config", file])).end()
        #expect(right.code == 0, "\(right.output)")
        try FileManager.default.removeItem(atPath: "\(folder.path)/enclave")
        let wrong = await (try start(["check", "--config", file])).end()
        #expect(wrong.code == 1 && wrong.output.contains("enclave.executable: ") && wrong.output.contains("state: ok"))
    }

    @Test func `as many files may be open as the system lets, however few a shell gives`() async throws {
        let folder = try TemporaryDirectory()
        let file = try configure(folder, enclave: "exit 0")
        func finding(_ limit: String) async throws -> String? {
            let command = "\(limit) && exec \(Programs.path("keybroker-host")) check --config \(file)"
            return try await Tool.run("sh", ["-c", command]).text.split(separator: "\n").map(String.init)
                .first { $0.hasPrefix("ingress.maximumConnections: ") }
        }
        #expect(try await finding("ulimit -S -n 256") == "ingress.maximumConnections: ok")
        #expect(try await finding("ulimit -n 256")?.contains("and there may be 256") == true)
    }

    @Test func `check says which address cannot be, and where`() async throws {
        let folder = try TemporaryDirectory()
        let file = try configure(folder, enclave: "exit 0")
        let text = folder.read("host.json")
        for (member, address, problem) in [
            ("ingress", "tcp://192.0.2.1:4600", "ingress.listen: Cannot assign requested address"),
            ("ingress", "unix:///nowhere/at/all.sock", "ingress.listen: /nowhere/at: No such file or directory"),
            ("ingress", "unix://\(folder.path)/relay.sock", "ingress.listen: is the address of relay.listen too"),
            ("ingress", "unix://\(folder.path)/enclave.sock", "ingress.listen: is the address of enclave.endpoint too"),
        ] {
            let wrong = text.replacing("unix://\(folder.path)/\(member).sock", with: address)
            try folder.write("wrong.json", wrong)
            let result = await (try start(["check", "--config", folder.file("wrong.json")])).end()
            #expect(result.code == 1 && result.output.contains("\n\(problem)\n"), "\(result.output)")
        }
        let right = await (try start(["check", "--config", file])).end()
        #expect(right.code == 0 && right.output.contains("ingress.listen: ok\n"), "\(right.output)")
    }

    @Test func `starts everything, serves, and stops cleanly when asked`() async throws {
        for number in [SIGTERM, SIGINT] {
            let folder = try TemporaryDirectory()
            let script = "echo \"$@\" > \(folder.path)/arguments; trap 'exit 0' TERM; while :; do sleep 0.05; done"
            let running = try start(["--config", try configure(folder, enclave: script)])
            #expect(await eventually { folder.read("arguments").hasSuffix("\n") })
            #expect(
                folder.read("arguments")
                    == "--relay unix://\(folder.path)/relay.sock --listen unix://\(folder.path)/enclave.sock "
                    + "--module software:\(folder.path)/module\n"
            )
            let relay = try RawConnection(path: "\(folder.path)/relay.sock")
            try relay.send("GET /config HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(await relay.receive(until: "{}").hasPrefix("HTTP/1.1 200 OK\r\n"))
            let client = try RawConnection(path: "\(folder.path)/ingress.sock")
            try client.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(await client.isClosed(within: 5_000))

            running.signal(number)
            let result = await running.end()
            #expect(result.code == 0, "\(result.errors)")
            let events = result.output.split(separator: "\n").compactMap {
                (try? JSON.parse(Array($0.utf8)))?.object?["event"]?.string
            }.filter { $0 != "credentials obtained" }
            #expect(
                events == ["host started", "enclave started", "enclave unreachable", "enclave ended", "host stopped"]
            )
            #expect(!result.output.contains("a-secret") && !result.errors.contains("a-secret"))
            #expect(!folder.names.contains("relay.sock") && !folder.names.contains("ingress.sock"))
        }
    }

    @Test func `the enclave does not outlive a host that is killed`() async throws {
        let folder = try TemporaryDirectory()
        let script = "echo $$ > \(folder.path)/id; exec sleep 1000"
        let running = try start(["--config", try configure(folder, enclave: script)])
        #expect(await eventually { folder.read("id").hasSuffix("\n") })
        let id = try #require(Int32(folder.read("id").dropLast()))
        #expect(kill(id, 0) == 0)
        running.signal(SIGKILL)
        _ = await running.end()
        #expect(await eventually { kill(id, 0) != 0 })

        // And what the crash left does not stop the next host.
        let next = try start(["--config", "\(folder.path)/host.json"])
        #expect(await eventually { folder.read("id") != "\(id)\n" && folder.read("id").hasSuffix("\n") })
        next.signal(SIGTERM)
        #expect(await next.end().code == 0)
    }

    @Test func `a port in use ends with 1 and one line`() async throws {
        let folder = try TemporaryDirectory()
        let file = try configure(folder, enclave: "sleep 100")
        let first = try start(["--config", file])
        #expect(await eventually { folder.names.contains("ingress.sock") })
        let text = folder.read("host.json").replacingOccurrences(of: "/state\"", with: "/other-state\"")
        let second = await (try start(["--config", try folder.write("second.json", text)])).end()
        #expect(second.code == 1)
        #expect(second.errors == "keybroker-host: another program listens on \(folder.path)/relay.sock\n")
        first.signal(SIGTERM)
        _ = await first.end()
    }
}
