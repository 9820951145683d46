// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Check key policies and IAM policies.",
        subcommands: [PolicyLintCommand.self]
    )
}
