// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct KeyringCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyring",
        abstract: "Make keyrings offline, look at them, back them up, put them back.",
        subcommands: [
            KeyringCreateCommand.self, KeyringShowCommand.self, KeyringBackupCommand.self, KeyringRestoreCommand.self,
            KeyringRaiseFloorCommand.self,
        ]
    )
}
