// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import Encoding

struct KeyringRaiseFloorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "raise-floor",
        abstract: "Make a configuration below whose floor no older keyring opens.",
        discussion: """
            Writes the configuration with a higher minimumKeyringVersion and every other byte as it was. Without --to the
            floor becomes the version that the running enclave attests: name its endpoint and its image.

              keybroker keyring raise-floor --config enclave.json --endpoint https://… --pcr 0=3f1c… -o enclave-2.json
              keybroker keyring raise-floor --config enclave.json --to 12 -o enclave-2.json

            It is another configuration, so another PCR16, which this prints. Change over in this order:

              1. Put both values of PCR16 into the KMS key's policy (keybroker policy key).
              2. Give the host the new configuration, restart it, and see the new PCR16 with keybroker attest.
              3. Take the old PCR16 out of the KMS key's policy: from then on the old floor opens nothing.
            """
    )

    @OptionGroup(title: "The broker") var broker: BrokerOptions
    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Option(help: ArgumentHelp("The new floor. [default: the version that the enclave attests]", valueName: "N"))
    var to: UInt64?

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("Where to write the new configuration.", valueName: "FILE")
    )
    var output: String

    @Flag(help: "Print JSON (docs/reference/operator-output.schema.json).")
    var json = false

    func validate() throws {
        guard expected.config != nil else { throw ValidationError("--config is missing: the configuration to change") }
        guard expected.config != output else {
            throw ValidationError("--output names another file: the old one is still needed")
        }
        guard to.map({ $0 <= UInt64(Int64.max) }) ?? true else { throw ValidationError("--to is too large") }
    }

    func run() async throws {
        let path = expected.config ?? ""
        let bytes = try InputFile.read(path)
        let old: UInt64
        do {
            old = try BrokerConfiguration(json: bytes).minimumKeyringVersion
        } catch {
            throw CommandFailure.usage("\(path): \(error)")
        }
        let attested = to == nil || broker.endpoint != nil ? try await attestedVersion() : nil
        guard let new = to ?? attested else { throw CommandFailure.usage("--to is missing") }
        if let attested, new > attested {
            throw CommandFailure.failed(
                "the enclave serves version \(attested): with a floor of \(new) it would not open its keyring"
            )
        }
        guard new > old else {
            throw CommandFailure.failed("the floor is \(old) already, and it only rises")
        }
        let changed = try ConfigurationFloor.raised(bytes, to: new)
        try InputFile.write(changed, to: output)
        report(old: old, new: new, bytes, changed, isAttested: attested != nil)
    }

    private func attestedVersion() async throws(CommandFailure) -> UInt64 {
        let enclave = try await AttestedEnclave.fetch(
            from: broker.url,
            policy: try expected.policy(),
            transport: broker.transport()
        )
        guard let version = enclave.userData.keyringVersion else { throw .failed("the enclave attests no keyring") }
        return version
    }

    private func report(old: UInt64, new: UInt64, _ before: [UInt8], _ after: [UInt8], isAttested: Bool) {
        let pcr16 = [before, after].map { Hex.encode(ExpectedIdentity.pcr16(configuration: $0)) }
        guard !json else {
            Console.json([
                "previousMinimumKeyringVersion": .number(JSONNumber(Int64(clamping: old))),
                "minimumKeyringVersion": .number(JSONNumber(Int64(clamping: new))), "attested": .bool(isAttested),
                "previousPcr16": .string(pcr16[0]), "pcr16": .string(pcr16[1]), "output": .string(output),
            ])
            return
        }
        Console.line("minimumKeyringVersion  \(old) -> \(new)\(isAttested ? ", attested" : "")")
        Console.line("PCR16 before           \(pcr16[0])")
        Console.line("PCR16 after            \(pcr16[1])")
        Console.line("wrote                  \(output)")
        Console.line()
        Console.line(
            "The KMS key's policy must name the new PCR16 before the host uses this file: both values while you"
        )
        Console.line("change over, then the new one alone (keybroker policy key).")
    }
}
