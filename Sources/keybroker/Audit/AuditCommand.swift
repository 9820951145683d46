// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Canonical JSON, digests, signed chains of audit events, registries of signers.",
        discussion: """
            What is hashed and signed depends on the profile, which is always named and never guessed:

            \(AuditProfile.allCases.map { "  \(padded($0.rawValue))\($0.summary)" }.joined(separator: "\n"))

            Events come as JSON lines, a JSON array, or one file each; - is standard input. docs/AUDIT.md says more.

              keybroker audit sign --profile illuvrse-a --key alias/audit --append chain.jsonl events.jsonl
              keybroker audit verify --profile illuvrse-a --signers signers.json chain.jsonl
            """,
        subcommands: [
            AuditCanonicalizeCommand.self, AuditDigestCommand.self, AuditSignCommand.self, AuditVerifyCommand.self,
            AuditExportSignersCommand.self,
        ]
    )

    private static func padded(_ name: String) -> String {
        name + String(repeating: " ", count: max(1, 14 - name.utf8.count))
    }
}
