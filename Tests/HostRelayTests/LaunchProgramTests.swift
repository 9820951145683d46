// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostRelay
import TestSupport
import Testing

/// Launcher and relay as the two services that they are on an EC2 instance.
struct LaunchProgramTests {
    /// Written beside the stand-in's own files.
    private func configure(_ cli: StandInNitroCLI, launch: String = "nitro") throws -> String {
        let folder = cli.folder.path
        try cli.folder.write("enclave.json", "{}")
        return try cli.folder.write(
            "host.json",
            #"""
            {"format": 1,
             "enclave": {"launch": "\#(launch)", "endpoint": "vsock://any:7001", "statusFile": "\#(folder)/status.json",
                         "nitro": {"image": "\#(cli.image)", "memoryMiB": 512, "cpuCount": 2, "cli": "\#(cli.path)"}},
             "relay": {"listen": "unix://\#(folder)/relay.sock"},
             "ingress": {"listen": "unix://\#(folder)/ingress.sock"},
             "kms": {"endpoint": "http://127.0.0.1:1", "region": "us-east-1", "operations": ["Decrypt"]},
             "configuration": "\#(folder)/enclave.json",
             "state": "\#(folder)/state"}
            """#
        )
    }

    private func end(_ process: Process) async -> Int32 {
        process.terminate()
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                process.waitUntilExit()
                continuation.resume(returning: process.terminationStatus)
            }
        }
    }

    @Test func `one launches, the other finds the enclave by what it says, and each ends by itself`() async throws {
        let cli = try StandInNitroCLI()
        let folder = cli.folder
        let file = try configure(cli)
        let launcher = try Programs.start(
            ["keybroker-host", "launch", "--config", file],
            log: folder.file("launcher.log")
        )
        defer { if launcher.isRunning { launcher.terminate() } }
        let status = EnclaveStatusFile(folder.file("status.json"))
        #expect(await eventually { status.read()?.cid == 17 })
        #expect(!folder.names.contains("relay.sock"))

        let relay = try Programs.start(
            ["keybroker-host", "--config", file, "--no-launch"],
            environment: ["AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"],
            log: folder.file("relay.log")
        )
        defer { if relay.isRunning { relay.terminate() } }
        #expect(await eventually { folder.names.contains("ingress.sock") })
        #expect(await end(launcher) == 0)
        #expect(cli.calls.last?.hasPrefix("terminate-enclave") == true && status.read()?.cid == nil)
        #expect(folder.read("launcher.log").contains("\"event\":\"launcher stopped\""))

        let client = try RawConnection(path: folder.file("ingress.sock"))
        try client.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(await eventually { folder.read("relay.log").contains("no enclave runs") })
        #expect(await end(relay) == 0)
        #expect(cli.calls.filter { $0.hasPrefix("run-enclave") }.count == 1)
    }

    @Test func `a launcher with nothing to launch ends with 2 and one line`() async throws {
        let cli = try StandInNitroCLI()
        let file = try configure(cli, launch: "none")
        let result = try await Programs.run(["keybroker-host", "launch", "--config", file])
        #expect(
            result.status == 2
                && result.errors == "keybroker-host: \(file): enclave.launch: there is nothing to launch\n"
        )
    }
}
