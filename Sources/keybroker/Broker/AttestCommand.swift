// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import NitroAttestation

struct AttestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attest",
        abstract: "Make a running broker prove what it is.",
        discussion: """
            Fetches an attestation document with a fresh nonce and verifies it now. The enclave is the one you expect only
            if both its image (PCR0) and its configuration (PCR16) match, so both are demanded: as values with --pcr, or
            computed with --binary (software module) and --config.

              keybroker attest --root module/root.pem --binary keybroker-enclave --config enclave.json
              keybroker attest --pcr 0=3f1c… --pcr 16=9a07… --key alias/audit -o evidence.cbor
            """
    )

    @OptionGroup var broker: BrokerOptions
    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Option(help: ArgumentHelp("A signing key that the document is to name.", valueName: "KEY-ID"))
    var key: String?

    @Option(help: ArgumentHelp("A nonce of 16 to 64 bytes instead of a random one.", valueName: "HEX"))
    var nonce: HexBytes?

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Keep the document.", valueName: "FILE"))
    var output: String?

    @Flag(help: "Print JSON (docs/reference/verify-output.schema.json, with what user_data states as broker).")
    var json = false

    func run() async throws {
        let policy = try expected.policy()
        if let length = nonce?.bytes.count, !(16...64).contains(length) {
            throw CommandFailure.usage("--nonce: expected 16 to 64 bytes in hex")
        }
        let enclave = try await AttestedEnclave.fetch(
            from: broker.url,
            keyID: key,
            nonce: nonce?.bytes,
            policy: policy,
            transport: broker.transport()
        )
        if let output { try InputFile.write(enclave.bytes, to: output) }

        let report = VerificationReport(
            document: enclave.bytes,
            verdict: .accepted(enclave.attestation),
            policy: policy
        )
        guard !json else {
            var object = report.json.object ?? JSONObject()
            object["broker"] = enclave.json
            Console.json(.object(object))
            return
        }
        report.printForPeople()
        for (name, value) in (enclave.json.object ?? JSONObject()).members {
            Console.line("\(name): \(value.string ?? value.int64.map(String.init) ?? "")")
        }
    }
}
