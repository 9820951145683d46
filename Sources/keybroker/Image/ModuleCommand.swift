// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SoftwareModule

struct ModuleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "module",
        abstract: "The software security module, for laptops and tests.",
        subcommands: [ModuleCreateCommand.self]
    )
}

struct ModuleCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make the certificate authority of a software module.",
        discussion: """
            An enclave that is started with --module software:FOLDER makes it by itself; this makes it before, so that a
            development KMS can be told its root. Prints the path of root.pem. What is there already stays.

              keybroker module create module
              keybroker kms serve --root module/root.pem
            """
    )

    @Argument(help: ArgumentHelp("The module's folder.", valueName: "FOLDER"))
    var folder: String

    func run() throws {
        do {
            // Its PCRs matter to no one: the module is not asked for a document.
            let zeros = [UInt8](repeating: 0, count: 48)
            _ = try SoftwareModule(
                directory: folder,
                measurements: SoftwareMeasurements(pcr0: zeros, pcr1: zeros, pcr2: zeros),
                clock: SystemClock.now
            )
        } catch {
            throw CommandFailure.usage("\(folder): \(error.detail)")
        }
        Console.line("\(folder)/\(SoftwareModule.rootFileName)")
    }
}
