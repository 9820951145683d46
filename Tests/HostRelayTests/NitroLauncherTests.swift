// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import HostRelay
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import Transport

struct NitroLauncherTests {
    private static let timing = NitroEnclave.Timing(poll: .milliseconds(10), describe: .milliseconds(100))
    private static let delays = RestartDelays(first: .milliseconds(20), longest: .milliseconds(40))

    private func launcher(
        _ cli: StandInNitroCLI,
        cid: UInt32? = 16,
        log: LogRecorder = LogRecorder(),
        _ change: (inout HostConfiguration.Nitro) -> Void = { _ in }
    ) -> NitroLauncher {
        NitroLauncher(cli.settings(change), cid: cid, timing: Self.timing, logger: log.logger)
    }

    private func end(_ enclave: any RunningEnclave) async -> String {
        enclave.stop()
        return await enclave.ended()
    }

    @Test func `tells nitro-cli what the configuration says, and nothing of debug mode`() async throws {
        let cli = try StandInNitroCLI()
        let enclave = try await launcher(cli).launch()
        #expect(
            cli.calls.first { $0.hasPrefix("run-enclave") }
                == "run-enclave --eif-path \(cli.image) --memory 512 --cpu-count 2 --enclave-cid 16 --enclave-name keybroker"
        )
        #expect(enclave.facts["cid"] == "16" && enclave.facts["pcr0"] == "\(StandInNitroCLI.pcr0)")
        #expect(enclave.facts["pid"] == "\(try #require(cli.enclaveProcess))")
        #expect(await end(enclave) == "terminated")
        #expect(cli.calls.contains("terminate-enclave --enclave-id \(try #require(enclave.facts["id"]))"))
    }

    @Test func `a CID that is not chosen is read, and numbered CPUs are named`() async throws {
        let cli = try StandInNitroCLI()
        let enclave = try await launcher(cli, cid: nil) { $0.cpus = .ids([1, 3]) }.launch()
        #expect(enclave.facts["cid"] == "17")
        let call = try #require(cli.calls.first { $0.hasPrefix("run-enclave") })
        #expect(call.contains("--cpu-ids 1 3") && !call.contains("--cpu-count") && !call.contains("--enclave-cid"))
        _ = await end(enclave)
    }

    @Test func `debug mode only when told, with a warning`() async throws {
        let cli = try StandInNitroCLI()
        let log = LogRecorder()
        let enclave = try await launcher(cli, log: log) { $0.isDebug = true }.launch()
        #expect(cli.calls.contains { $0.hasPrefix("run-enclave") && $0.hasSuffix("--debug-mode") })
        #expect(log.lines.contains { $0.hasPrefix("enclave in debug mode") })
        _ = await end(enclave)
    }

    @Test func `an enclave in debug mode that was not told to be is terminated`() async throws {
        let cli = try StandInNitroCLI()
        try cli.folder.write("always-debug", "")
        let error = await #expect(throws: EnclaveLaunchError.self) { try await launcher(cli).launch() }
        #expect(error?.description.contains("debug mode") == true)
        #expect(cli.calls.contains { $0.hasPrefix("terminate-enclave") })
    }

    @Test func `its own enclave of the same image is taken over`() async throws {
        let cli = try StandInNitroCLI()
        _ = try await launcher(cli).launch()
        let log = LogRecorder()
        let again = try await launcher(cli, log: log).launch()
        #expect(cli.calls.filter { $0.hasPrefix("run-enclave") }.count == 1)
        #expect(log.lines.contains { $0.hasPrefix("enclave taken over") })
        #expect(await end(again) == "terminated")
    }

    @Test(arguments: [
        "another image", "CID 16", "512 MiB of memory", "flags NONE",
    ])
    func `its own enclave that is not what the configuration says is replaced`(difference: String) async throws {
        let cli = try StandInNitroCLI()
        _ = try await launcher(cli).launch()
        let first = try #require(cli.enclaveProcess)
        let log = LogRecorder()
        if difference == "another image" { try cli.folder.write("broker.eif", String(repeating: "2f", count: 48)) }
        let next = try await launcher(cli, cid: difference == "CID 16" ? 18 : 16, log: log) {
            if difference == "512 MiB of memory" { $0.memoryMiB = 1024 }
            if difference == "flags NONE" { $0.isDebug = true }
        }.launch()
        #expect(log.lines.contains { $0.hasPrefix("enclave replaced") && $0.contains("reason=\(difference)") })
        #expect(cli.enclaveProcess != first)
        _ = await end(next)
    }

    @Test func `an enclave of another name on its CID is left alone, and said`() async throws {
        let cli = try StandInNitroCLI()
        let other = try await launcher(cli) { $0.name = "other" }.launch()
        let error = await #expect(throws: EnclaveLaunchError.self) { try await launcher(cli).launch() }
        #expect(error?.description == "CID 16 is used by enclave other; choose another in enclave.endpoint")
        #expect(!cli.calls.contains { $0.hasPrefix("terminate-enclave") })
        _ = await end(other)
    }

    @Test func `a crash is noticed, and the enclave started again later each time`() async throws {
        let cli = try StandInNitroCLI()
        let log = LogRecorder()
        let status = EnclaveStatusFile(cli.folder.file("status.json"))
        let supervisor = EnclaveSupervisor(
            launcher(cli, cid: nil, log: log),
            delays: Self.delays,
            status: status,
            logger: log.logger
        )
        let address = EnclaveAddress(.vsock(cid: nil, port: 7001), status: status)
        #expect(address.current == nil)
        try await run(supervisor) {
            for starts in 1...3 {
                #expect(await eventually { status.read()?.starts == starts && status.read()?.cid == 17 })
                #expect(address.current == .vsock(cid: 17, port: 7001))
                cli.crashEnclave()
                #expect(await eventually { log.lines.filter { $0.hasPrefix("enclave down") }.count >= starts })
            }
            #expect(await eventually { status.read()?.starts == 4 })
        }
        #expect(log.lines.contains { $0.hasPrefix("enclave ended") && $0.contains("crashed") })
        #expect(log.lines.last { $0.hasPrefix("enclave ended") }?.contains("result=terminated") == true)
        #expect(status.read()?.state == .down(reason: "stopped"))
        #expect(try JSONSchema("enclave-status").faults(in: try cli.folder.bytes("status.json")) == [])
        #expect(address.current == nil)
    }

    /// Words and codes of `document_errors.rs`; the exit code is the error's number.
    @Test(arguments: [
        (
            "[ E27 ] Insufficient memory available. User provided `memory` is 512 MB, which is more than the available hugepage memory.\nYou can increase the available memory by editing the `memory_mib` value",
            27, "nitro-cli run-enclave: E27 Insufficient memory available.", "memory_mib in /etc/nitro_enclaves"
        ),
        (
            "Start allocating memory...\n[ E36 ] Enclave boot failure. Such error appears when attempting to receive the `ready` signal from a freshly booted enclave.",
            36, "nitro-cli run-enclave: E36 Enclave boot failure.", "enclave.nitro.debug"
        ),
        ("thread 'main' panicked at src/main.rs:1", 101, "nitro-cli run-enclave: thread 'main' panicked", ""),
        ("", 3, "nitro-cli run-enclave: exit code 3", ""),
    ])
    func `an error of nitro-cli is said in its own words with what to do`(
        said: String,
        code: Int,
        begins: String,
        mend: String
    ) async throws {
        let cli = try StandInNitroCLI()
        try cli.fail("run-enclave", saying: said, code: code)
        let error = await #expect(throws: EnclaveLaunchError.self) { try await launcher(cli).launch() }
        let text = try #require(error?.description)
        #expect(text.hasPrefix(begins) && (mend.isEmpty || text.contains(mend)) && !text.contains("\n"), "\(text)")
    }

    @Test func `what fails is tried again until it works`() async throws {
        let cli = try StandInNitroCLI()
        try cli.fail("run-enclave", saying: "[ E22 ] Insufficient CPUs available in the pool.", code: 22)
        let log = LogRecorder()
        let supervisor = EnclaveSupervisor(launcher(cli, log: log), delays: Self.delays, logger: log.logger)
        try await run(supervisor) {
            #expect(await eventually { log.lines.filter { $0.contains("E22") }.count >= 3 })
            cli.mend("run-enclave")
            #expect(await eventually { log.lines.contains { $0.hasPrefix("enclave started") } })
        }
    }

    @Test func `a nitro-cli that is not there or says something else is an error that says so`() async throws {
        let cli = try StandInNitroCLI()
        let missing = await #expect(throws: EnclaveLaunchError.self) {
            try await launcher(cli) { $0.cli = "/nowhere/nitro-cli" }.launch()
        }
        #expect(missing?.description.hasPrefix("/nowhere/nitro-cli: No such file or directory: install ") == true)
        try cli.folder.write("nitro-cli", "#!/bin/sh\necho '{}'\n", mode: 0o700)
        let strange = await #expect(throws: EnclaveLaunchError.self) { try await launcher(cli).launch() }
        #expect(strange?.description.contains("describe-enclaves: an answer that is not known here") == true)
    }

    @Test func `an enclave that cannot be terminated does not hold up the end`() async throws {
        let cli = try StandInNitroCLI()
        let enclave = try await launcher(cli).launch()
        try cli.fail("terminate-enclave", saying: "[ E11 ] Socket error.", code: 11)
        #expect(await end(enclave).hasPrefix("not terminated: nitro-cli terminate-enclave: E11"))
        cli.crashEnclave()
    }
}
