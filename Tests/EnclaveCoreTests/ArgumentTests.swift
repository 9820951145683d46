// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import Testing
import Transport

@Suite struct ArgumentTests {
    static let good = [
        "--relay", "tcp://127.0.0.1:7000", "--listen", "vsock://any:7001", "--module", "software:/tmp/m",
    ]

    @Test func `reads every argument`() {
        let expected = EnclaveArguments(
            relay: .tcp(host: "127.0.0.1", port: 7000),
            listen: .vsock(cid: nil, port: 7001),
            module: .software(directory: "/tmp/m"),
            configurationFile: "/c"
        )
        #expect(EnclaveArguments.parse(Self.good + ["--config", "/c"]) == .run(expected))
    }

    @Test func `records into a folder, with the software module only`() {
        guard case .run(let arguments) = EnclaveArguments.parse(Self.good + ["--record", "/r"]) else {
            Issue.record("refused")
            return
        }
        #expect(arguments.recordDirectory == "/r")
        let device = Array(Self.good.dropLast()) + ["nsm", "--record", "/r"]
        guard case .usage(let line) = EnclaveArguments.parse(device) else {
            Issue.record("accepted with the device")
            return
        }
        #expect(line.contains("unlock key"))
    }

    @Test func `the help says that a recording contains its unlock key`() {
        #expect(EnclaveArguments.help.contains("A RECORDING CONTAINS ITS UNLOCK KEY"))
    }

    @Test func `prints help and version`() {
        #expect(EnclaveArguments.parse(["--help"]) == .print(EnclaveArguments.help))
        guard case .print(let version) = EnclaveArguments.parse(["--version"]) else {
            Issue.record("no version")
            return
        }
        #expect(version.hasPrefix("keybroker-enclave "))
    }

    @Test(arguments: [
        [], ["--relay"], good + ["--relay", "tcp://a:1"], good + ["--secret", "x"], good + ["--config"],
        Array(good.dropLast(2)), Array(good.dropLast()) + ["software:"], Array(good.dropLast()) + ["hsm"],
        ["--relay", "http://x", "--listen", "tcp://a:1", "--module", "nsm"],
        ["--relay", "vsock://any:7000", "--listen", "vsock://any:7001", "--module", "nsm"],
    ])
    func `refuses anything else with one line`(arguments: [String]) {
        guard case .usage(let line) = EnclaveArguments.parse(arguments) else {
            Issue.record("accepted")
            return
        }
        #expect(!line.isEmpty && !line.contains("\n"))
    }
}
