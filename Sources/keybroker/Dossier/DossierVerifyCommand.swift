// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail

struct DossierVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify dossiers, offline.",
        discussion: """
            A signature counts by its key alone; key_id and signed_by are what the signer says. High-S ECDSA signatures are
            right: KMS makes them. With --minisign the detached signature FILE.minisig is verified instead, under --public-key.

              keybroker dossier verify --public-key team.pem *.ds.md

            Exit status 0 if every dossier is accepted, 1 if any is not.
            """
    )

    @OptionGroup(title: "Whose signature counts") var trust: DocumentTrustOptions

    @Flag(help: "Verify FILE.minisig.") var minisign = false

    @Flag(help: "Print JSON (docs/reference/document-verify-output.schema.json).") var json = false

    @Argument(help: ArgumentHelp("The dossiers.", valueName: "FILE")) var files: [String]

    func run() throws {
        let trust = try self.trust.trust()
        var verdicts = DocumentVerdicts(json: json)
        for file in files {
            verdicts.add(file, try minisign ? detached(file) : Self.verdict(file, trust))
        }
        try verdicts.finish()
    }

    private static func verdict(_ file: String, _ trust: DocumentTrust) throws -> DocumentVerdict {
        let bytes = try InputFile.read(file)
        do {
            return try Dossier(bytes).verify(trust)
        } catch {
            return .rejected(.malformed, [("detail", error.description)])
        }
    }

    private func detached(_ file: String) throws -> DocumentVerdict {
        guard let path = trust.publicKey else { throw CommandFailure.usage("--minisign needs --public-key") }
        let text = String(decoding: try InputFile.read(path), as: UTF8.self)
        guard let line = text.split(whereSeparator: \.isNewline).last, let key = MinisignPublicKey(base64: String(line))
        else { throw CommandFailure.usage("\(path): is no minisign public key") }
        let signature = String(decoding: try InputFile.read(file + ".minisig"), as: UTF8.self)
        guard let parsed = MinisignSignature(file: signature) else { return .rejected(.malformed) }
        let facts = [("trust", "pinned"), ("trustedComment", parsed.trustedComment)]
        return try parsed.isValid(for: InputFile.read(file), key: key)
            ? .accepted(facts) : .rejected(.signatureInvalid, facts)
    }
}
