// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Make, check, simulate and explain key policies and IAM policies.",
        discussion: """
            What they say of a request is what the enclave and the development KMS decide: there is one evaluator.
            """,
        subcommands: [
            PolicyKeyCommand.self, PolicyLintCommand.self, PolicySimulateCommand.self, PolicyExplainCommand.self,
        ]
    )
}
