// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Enclave images: make, describe, measure, verify and sign them.",
        subcommands: [
            ImageBuildCommand.self, ImageDescribeCommand.self, ImageMeasureCommand.self, ImageVerifyCommand.self,
            ImageSignCommand.self,
        ]
    )
}
