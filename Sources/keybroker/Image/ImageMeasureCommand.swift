// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

struct ImageMeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Predict the PCRs of an enclave.",
        discussion: """
            Of an image file: PCR0, PCR1, PCR2, and PCR8 if it is signed, as the Nitro security module will report them.
            With --config: PCR16, the measurement of a broker configuration, the same on every module.
            With --binary, for laptops: PCR0 to PCR2 as the software module measures that enclave executable here.

              keybroker image measure broker.eif --config enclave.json
              keybroker image measure --binary .build/debug/keybroker-enclave --config enclave.json --json
            """
    )

    @Argument(help: ArgumentHelp("An enclave image file (EIF).", valueName: "FILE"))
    var file: String?

    @Option(help: ArgumentHelp("An enclave executable.", valueName: "FILE"))
    var binary: String?

    @Option(help: ArgumentHelp("A broker configuration.", valueName: "FILE"))
    var config: String?

    @Flag(help: "Print JSON (docs/reference/image-measurement.schema.json).")
    var json = false

    func validate() throws {
        guard file != nil || binary != nil || config != nil else {
            throw ValidationError("name an image file, --binary, --config, or one of the first two with --config")
        }
    }

    func run() throws {
        let pcrs = try ExpectedIdentity.pcrs(image: file, binary: binary, configuration: config)
        if json {
            let members = pcrs.sorted { $0.key < $1.key }
                .map { ("PCR\($0.key)", JSON.string(Hex.encode($0.value))) }
            Console.json(.object(JSONObject(members)))
        } else {
            for (index, value) in pcrs.sorted(by: { $0.key < $1.key }) {
                Console.line("PCR\(index)\t\(Hex.encode(value))".replacing("\t", with: index < 10 ? "   " : "  "))
            }
        }
    }
}
