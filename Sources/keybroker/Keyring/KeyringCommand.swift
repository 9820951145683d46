// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct KeyringCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyring",
        abstract: "Make keyrings offline, and look at them.",
        subcommands: [KeyringCreateCommand.self, KeyringShowCommand.self]
    )
}
