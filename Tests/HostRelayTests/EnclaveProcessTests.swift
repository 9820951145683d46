// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import HostRelay
import ServiceLifecycle
import TestSupport
import Testing

struct EnclaveProcessTests {
    @Test func `the end is known with its result`() async throws {
        for (script, result) in [
            ("true", .code(0)), ("exit 7", .code(7)), ("kill -9 $$", .signal(9)),
        ] as [(String, EnclaveProcess.Exit)] {
            let process = try await EnclaveProcess.start("/bin/sh", ["-c", script])
            #expect(await process.exit() == result)
        }
    }

    @Test func `a program that cannot be executed is an error with the reason`() async throws {
        let folder = try TemporaryDirectory()
        let plain = try folder.write("plain", "x")
        for (path, reason) in [
            ("/nowhere/program", "No such file or directory"), (plain, "Permission denied"),
            ("/tmp", "Permission denied"),
        ] {
            let error = await #expect(throws: EnclaveLaunchError.self) { try await EnclaveProcess.start(path, []) }
            #expect(error?.description == "\(path): \(reason)")
        }
    }

    @Test func `it gets its arguments, and nothing of the host's environment and descriptors`() async throws {
        unsafe setenv("KEYBROKER_TEST_SECRET", "secret", 1)
        let folder = try TemporaryDirectory()
        // Descriptors of ours without close-on-exec, low and high.
        let low = unsafe open("/dev/null", O_RDONLY)
        let high = fcntl(low, F_DUPFD, 200)
        defer {
            close(low)
            close(high)
        }
        let script = """
            echo "$0 $1" > \(folder.path)/arguments
            tr '\\0' '\\n' < /proc/$$/environ > \(folder.path)/environment
            ls /proc/$$/fd > \(folder.path)/descriptors
            readlink /proc/$$/fd/0 > \(folder.path)/input
            cat /proc/$$/stat > \(folder.path)/stat
            """
        let process = try await EnclaveProcess.start("/bin/sh", ["-c", script, "name", "--relay x"])
        #expect(await process.exit() == .code(0))
        #expect(folder.read("arguments") == "name --relay x\n")
        #expect(folder.read("environment") == "")
        // The shell itself has one more while it writes: 3 and up would be ours only if there were several.
        #expect(Set(folder.read("descriptors").split(separator: "\n")).isSubset(of: ["0", "1", "2", "10", "255"]))
        #expect(folder.read("input") == "/dev/null\n")
        let group = folder.read("stat").split(separator: " ").dropFirst(4).first
        #expect(group.map(String.init) == String(process.processID))
    }

    @Test func `signals reach the whole group, and none is sent after the end`() async throws {
        let folder = try TemporaryDirectory()
        let process = try await EnclaveProcess.start(
            "/bin/sh",
            ["-c", "sleep 100 & echo $! > \(folder.path)/child; wait"]
        )
        #expect(await eventually { folder.read("child").hasSuffix("\n") })
        let child = try #require(Int32(folder.read("child").dropLast()))
        process.signal(SIGKILL)
        #expect(await process.exit() == .signal(SIGKILL))
        #expect(await eventually { kill(child, 0) != 0 || isZombie(child) })
        process.signal(SIGKILL)
    }

    private func isZombie(_ id: Int32) -> Bool {
        let stat = (try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)) ?? ""
        return stat.isEmpty || stat.contains(") Z ")
    }
}

struct EnclaveSupervisorTests {
    private func run(
        _ executable: String,
        _ arguments: [String],
        delays: RestartDelays,
        grace: Duration = .seconds(5),
        log: LogRecorder,
        until condition: @escaping @Sendable () async throws -> Void
    ) async throws {
        let launcher = ProcessLauncher(executable: executable, arguments: arguments, grace: grace)
        let supervisor = EnclaveSupervisor(launcher, delays: delays, logger: log.logger)
        try await HostRelayTests.run(supervisor, until: condition)
    }

    @Test func `a program that fails is started again, later each time`() async throws {
        let log = LogRecorder()
        let delays = RestartDelays(first: .milliseconds(40), longest: .milliseconds(400), healthy: .seconds(60))
        try await run("/bin/false", [], delays: delays, log: log) {
            #expect(await eventually { log.lines.filter { $0.hasPrefix("enclave down") }.count >= 5 })
        }
        let waits = log.lines.filter { $0.hasPrefix("enclave down") }.compactMap { line in
            line.split(separator: "restartInMilliseconds=").last.flatMap { Int($0) }
        }
        for (index, wait) in waits.prefix(5).enumerated() {
            let full = min(40 << index, 400)
            #expect(wait >= full / 2 - 1 && wait <= full, "\(waits)")
        }
        #expect(log.lines[0].hasPrefix("enclave started"))
        #expect(log.lines[1].hasPrefix("enclave ended") && log.lines[1].contains("result=exit code 1"))
    }

    @Test func `after a healthy run the first delay counts again`() async throws {
        let log = LogRecorder()
        let delays = RestartDelays(first: .milliseconds(10), longest: .seconds(10), healthy: .milliseconds(100))
        try await run("/bin/sh", ["-c", "sleep 0.15"], delays: delays, log: log) {
            #expect(await eventually { log.lines.filter { $0.hasPrefix("enclave down") }.count >= 4 })
        }
        #expect(log.lines.filter { $0.hasPrefix("enclave down") }.allSatisfy { $0.contains("failures=1 ") })
    }

    @Test func `a program that is not there is tried again`() async throws {
        let log = LogRecorder()
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/late"
        let delays = RestartDelays(first: .milliseconds(20), longest: .milliseconds(20), healthy: .seconds(60))
        try await run(path, [], delays: delays, log: log) {
            #expect(await eventually { log.lines.contains { $0.contains("No such file or directory") } })
            try folder.write("late", "#!/bin/sh\necho yes > \(folder.path)/ran\nsleep 100\n", mode: 0o700)
            #expect(await eventually { folder.read("ran") == "yes\n" })
        }
    }

    @Test func `shutdown asks first, and waits for the program's own end`() async throws {
        let log = LogRecorder()
        let folder = try TemporaryDirectory()
        let script =
            "trap 'echo asked > \(folder.path)/asked; exit 0' TERM; echo up > \(folder.path)/up; while :; do sleep 0.05; done"
        try await run("/bin/sh", ["-c", script], delays: RestartDelays(), log: log) {
            #expect(await eventually { folder.read("up") == "up\n" })
        }
        #expect(folder.read("asked") == "asked\n")
        #expect(log.lines.last?.hasSuffix("result=exit code 0") == true)
        #expect(!log.lines.contains { $0.hasPrefix("enclave down") })
    }

    @Test func `a program that does not listen is killed after the grace`() async throws {
        let log = LogRecorder()
        let folder = try TemporaryDirectory()
        let script = "trap '' TERM; echo up > \(folder.path)/up; while :; do sleep 0.05; done"
        try await run("/bin/sh", ["-c", script], delays: RestartDelays(), grace: .milliseconds(200), log: log) {
            #expect(await eventually { folder.read("up") == "up\n" })
        }
        #expect(log.lines.last?.hasSuffix("result=signal 9") == true)
    }

    @Test func `shutdown does not wait for a delay to pass`() async throws {
        let log = LogRecorder()
        let delays = RestartDelays(first: .seconds(100), longest: .seconds(100), healthy: .seconds(60))
        let start = ContinuousClock.now
        try await run("/bin/false", [], delays: delays, log: log) {
            #expect(await eventually { log.lines.contains { $0.hasPrefix("enclave down") } })
        }
        #expect(ContinuousClock.now - start < .seconds(20))
    }
}

/// Runs a supervisor until `condition` returns, and stops it.
func run(_ supervisor: EnclaveSupervisor, until condition: @escaping @Sendable () async throws -> Void) async throws {
    let group = ServiceGroup(services: [supervisor], logger: LogRecorder().logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        do {
            try await condition()
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}
