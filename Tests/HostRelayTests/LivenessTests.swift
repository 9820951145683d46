// SPDX-License-Identifier: Apache-2.0

import HostRelay
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing
import Transport

/// An enclave that hangs without ending.
struct LivenessTests {
    private static let delays = RestartDelays(
        first: .milliseconds(10),
        longest: .milliseconds(20),
        healthy: .seconds(60)
    )

    private func supervisor(_ liveness: Liveness?, log: LogRecorder) -> EnclaveSupervisor {
        // One that does not hear SIGTERM either.
        let launcher = ProcessLauncher(
            executable: "/bin/sh",
            arguments: ["-c", "trap '' TERM; sleep 100 & wait"],
            grace: .milliseconds(50)
        )
        return EnclaveSupervisor(launcher, delays: Self.delays, liveness: liveness, logger: log.logger)
    }

    private func hangs(_ log: LogRecorder) -> [String] { log.lines.filter { $0.hasPrefix("enclave hangs") } }

    @Test func `an enclave that answers no more is killed and started again, and the log says why`() async throws {
        let log = LogRecorder()
        let answers = Mutex(3)
        let liveness = Liveness(.init(silence: .milliseconds(400), boot: .seconds(60))) { _ in
            answers.withLock { left in
                left -= 1
                return left >= 0
            }
        }
        try await run(supervisor(liveness, log: log)) {
            #expect(await eventually { log.lines.filter { $0.hasPrefix("enclave started") }.count == 2 })
        }
        #expect(hangs(log).count == 1 && hangs(log)[0].contains("no answer to GET /health for 0.4 s"))
        #expect(log.lines.contains { $0.hasPrefix("enclave ended") && $0.contains("result=signal 9") })
        #expect(log.lines.contains { $0.hasPrefix("enclave down") && $0.contains("it hung: no answer") })
    }

    @Test func `one that has never answered has the time of a boot`() async throws {
        let log = LogRecorder()
        let asked = Mutex(0)
        let start = ContinuousClock.now
        let liveness = Liveness(.init(silence: .milliseconds(80), boot: .milliseconds(600))) { _ in
            asked.withLock { $0 += 1 }
            return false
        }
        try await run(supervisor(liveness, log: log)) {
            #expect(await eventually { hangs(log).count == 1 })
        }
        #expect(ContinuousClock.now - start >= .milliseconds(600) && asked.withLock { $0 } > 4)
        #expect(hangs(log).first?.contains("nor ever since its start") == true)
    }

    @Test func `a single question without an answer ends nothing, however long it took`() async throws {
        let log = LogRecorder()
        let asked = Mutex(0)
        let liveness = Liveness(.init(silence: .milliseconds(20), boot: .milliseconds(20))) { _ in
            let number = asked.withLock { number in
                number += 1
                return number
            }
            // As after a machine was suspended: much time has gone, and three in four are not answered.
            if number % 4 == 1 { try? await Task.sleep(for: .milliseconds(50)) }
            return number % 4 == 0
        }
        try await run(supervisor(liveness, log: log)) {
            #expect(await eventually { asked.withLock { $0 } >= 24 })
        }
        #expect(hangs(log) == [])
    }

    @Test
    func `an enclave that waits for KMS answers, so it is well; one that takes connections and says nothing is not`()
        async throws
    {
        let folder = try TemporaryDirectory()
        let server = try await HTTPServer.start(
            on: .unix(path: folder.file("enclave.sock")),
            group: eventLoops,
            limits: HTTPLimits(bodyLength: 0)
        ) { request, loop in
            guard request.target == "/health" else { return loop.makeSucceededFuture(HTTPResponse(status: .notFound)) }
            return loop.makeSucceededFuture(
                HTTPResponse(
                    status: .serviceUnavailable,
                    body: .init(string: #"{"state":"configured","reason":"kms-decrypt-failed"}"#)
                )
            )
        }
        let silent = try await Listener.bind(
            .unix(path: folder.file("silent.sock")),
            group: eventLoops,
            maximumConnections: 1000
        ) { $0.eventLoop.makeSucceededVoidFuture() }
        func outcome(_ name: String, _ finished: @escaping @Sendable (LogRecorder) async -> Bool) async throws -> Bool {
            let configuration = try HostConfiguration(
                Array(
                    #"""
                    {"format": 1,
                     "enclave": {"endpoint": "unix://\#(folder.file(name))", "liveness": {"seconds": 1, "bootSeconds": 1}},
                     "relay": {"listen": "unix:///x/relay.sock"}, "ingress": {"listen": "tcp://127.0.0.1:1"},
                     "kms": {"endpoint": "http://127.0.0.1:1", "region": "us-east-1", "operations": ["Decrypt"]},
                     "configuration": "/x/enclave.json", "state": "/x/state"}
                    """#.utf8
                )
            )
            let log = LogRecorder()
            let liveness = try #require(Liveness(configuration.enclave, group: eventLoops))
            try await run(supervisor(liveness, log: log)) { _ = await finished(log) }
            return hangs(log).isEmpty
        }
        async let well = outcome("enclave.sock") { _ in
            try? await Task.sleep(for: .milliseconds(2500))
            return true
        }
        #expect(try await !outcome("silent.sock") { log in await eventually { hangs(log).count == 1 } })
        #expect(try await well)
        await server.shutdown(grace: .zero)
        await silent.shutdown(grace: .zero)
    }
}
