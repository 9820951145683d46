// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Look after the keys of a broker.",
        discussion: """
            A KEY is a key id, a key ARN, or an alias (alias/NAME). Every change is a new version of the sealed keyring,
            stored before the command returns.

            The broker is $AWS_ENDPOINT_URL_KMS, who asks is AWS_PROFILE or AWS_ACCESS_KEY_ID: access keys of the broker's
            own (keybroker keyring create, keybroker principal create). The same commands work on the development KMS.
            """,
        subcommands: [
            KeyListCommand.self, KeyDescribeCommand.self, KeyCreateCommand.self, KeyUpdateCommand.self,
            KeyAliasCommand.self, KeyEnableCommand.self, KeyDisableCommand.self, KeyScheduleDeletionCommand.self,
            KeyCancelDeletionCommand.self, KeyPolicyCommand.self, KeyTagCommand.self, KeyUntagCommand.self,
            KeyTagsCommand.self, KeyPublicKeyCommand.self, KeySignCommand.self, KeyVerifyCommand.self,
            KeyEncryptCommand.self, KeyDecryptCommand.self,
        ]
    )
}

/// What every command on one key takes.
struct KeyOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("A key id, key ARN, or alias.", valueName: "KEY"))
    var key: String

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print the answer as JSON.")
    var json = false
}
