// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct DossierCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dossier",
        abstract: "Sign and verify dossiers.",
        discussion: """
            A dossier's signature covers its body. Its frontmatter, title and risk level included, is covered by nothing;
            --minisign covers the whole file.

              keybroker dossier sign --key alias/dossier --signed-by "Team <team@example.org>" deploy.ds.md
              keybroker dossier verify --trusted-keys ~/.dossier/trusted-keys.txt *.ds.md
            """,
        subcommands: [DossierSignCommand.self, DossierVerifyCommand.self]
    )
}
