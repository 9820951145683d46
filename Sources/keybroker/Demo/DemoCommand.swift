// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the whole broker on this machine, and the attacks that must fail.",
        discussion: """
            Starts a development KMS, seals a keyring, launches the host and its enclave, verifies the enclave's
            attestation, signs a chain of audit events with every key, checks the signatures with openssl, and then plays
            a host and a client that cheat. One line a step; the last line is `demo: ok`.

              keybroker demo
              keybroker demo --events audit-1.json audit-2.json
              keybroker demo --keep        leave it running, and print how to call it with boto3 and aws
              keybroker demo --transport vsock        host and enclave over AF_VSOCK (modprobe vsock_loopback)
            """
    )

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Audit events to sign: archived ILLUVRSE events, a JSON array, or JSON lines.",
            valueName: "FILE"
        )
    )
    var events: [String] = []

    @Flag(help: "Leave everything running afterwards, until interrupted.")
    var keep = false

    @Option(help: ArgumentHelp("Work in this folder and leave it, instead of a temporary one.", valueName: "FOLDER"))
    var directory: String?

    @Option(help: "What host and enclave talk over: unix, or vsock, as on Nitro, by this machine's loopback.")
    var transport = DemoTransport.unix

    func run() async throws {
        try await transport.check()
        let folder = try DemoFolder(path: directory)
        let programs = try DemoPrograms.besideThisOne()
        let steps = Steps()
        let demo = await Demo(folder: folder, programs: programs, transport: transport, steps: steps)
        do {
            try await demo.run(eventFiles: events, keep: keep)
        } catch {
            await demo.stop()
            let message = (error as? CommandFailure)?.message ?? "\(error)"
            if directory == nil { folder.remove() }
            throw CommandFailure.failed("demo: \(message)")
        }
        await demo.stop()
        if directory == nil { folder.remove() }
        Console.line("demo: ok")
    }
}
