// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import SoftwareModule

struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Make enclave images, and measure what an enclave runs.",
        subcommands: [ImageBuildCommand.self, ImageMeasureCommand.self]
    )
}

struct ImageMeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Predict the PCRs of an enclave.",
        discussion: """
            With --binary: PCR0 to PCR2 as the software module measures that enclave executable on this machine. With
            --config: PCR16, the measurement of a broker configuration, the same on every module.

              keybroker image measure --binary .build/debug/keybroker-enclave --config enclave.json
            """
    )

    @Option(help: ArgumentHelp("An enclave executable.", valueName: "FILE"))
    var binary: String?

    @Option(help: ArgumentHelp("A broker configuration.", valueName: "FILE"))
    var config: String?

    @Flag(help: "Print JSON (docs/reference/image-measurement.schema.json).")
    var json = false

    func validate() throws {
        guard binary != nil || config != nil else { throw ValidationError("name --binary, --config, or both") }
    }

    func run() throws {
        let pcrs = try ExpectedIdentity.pcrs(binary: binary, configuration: config)
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
