// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct ErstCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erst",
        abstract: "Sign and verify ERST's bundles.",
        discussion: """
            A bundle's signature is over the 64 characters of its hash. Verification takes no key for granted: name the one that
            counts.

              keybroker erst sign --key alias/erst trace.json > bundle.json
              keybroker erst verify --public-key erst.pem bundle.json
            """,
        subcommands: [ErstSignCommand.self, ErstVerifyCommand.self]
    )
}
