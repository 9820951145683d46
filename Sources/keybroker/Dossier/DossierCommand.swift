// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Encoding
import KMSProtocol

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

struct DossierSignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign dossiers with a key of the broker.",
        discussion: """
            Writes checksum and signature into the frontmatter of each file; every other member stays. P-256 keys sign the digest
            of the body, Ed25519 keys the body itself (at most 4096 bytes). With --minisign an Ed25519 key writes FILE.minisig
            instead, for files of any size, which minisign -V accepts; the file is not changed.

              keybroker dossier sign --key alias/dossier --signed-by "Team <team@example.org>" deploy.ds.md
            """
    )

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Option(help: ArgumentHelp("The signing key: id, ARN or alias.", valueName: "KEY")) var key: String

    @Option(help: ArgumentHelp("Who signs, for people.", valueName: "NAME")) var signedBy: String?

    @Flag(help: "Write FILE.minisig.") var minisign = false

    @Argument(help: ArgumentHelp("The dossiers.", valueName: "FILE")) var files: [String]

    func run() async throws {
        let signingKey = try await AuditSigningKey(key, session: BrokerSession(broker))
        for file in files {
            if minisign { try await signDetached(file, signingKey) } else { try await sign(file, signingKey) }
        }
    }

    private func sign(_ file: String, _ signingKey: AuditSigningKey) async throws {
        var dossier = try DossierFile.read(file)
        guard let key = signingKey.publicKey, let algorithm = DossierSignature.Algorithm(key) else {
            throw CommandFailure.usage("dossiers are signed by P-256 and Ed25519 keys")
        }
        let signature: [UInt8]
        switch algorithm {
        case .ecdsaSHA256:
            guard let digest = Digest256(dossier.checksum) else { return }
            signature = try await signingKey.sign(digests: [digest])[0]
        case .ed25519:
            guard dossier.body.count <= KMSLimits.plaintext.upperBound else {
                throw CommandFailure.usage(
                    "\(file): its body has \(dossier.body.count) bytes, and KMS signs at most 4096 with an Ed25519 key: use a P-256 key, or --minisign"
                )
            }
            signature = try await signingKey.sign(message: dossier.body)
        }
        dossier.sign(
            DossierSignature(
                algorithm: algorithm,
                signature: signature,
                publicKey: key,
                keyID: signingKey.arn,
                signedAt: SystemClock.now(),
                signedBy: signedBy
            )
        )
        try InputFile.write(dossier.serialized, to: file)
        Console.line("\(file): signed, \(algorithm.rawValue)")
    }

    private func signDetached(_ file: String, _ signingKey: AuditSigningKey) async throws {
        let bytes = try InputFile.read(file)
        guard let key = signingKey.publicKey.flatMap({ MinisignPublicKey($0) }) else {
            throw CommandFailure.usage("minisign signatures are made by Ed25519 keys")
        }
        let signature = try await signingKey.sign(message: MinisignSignature.message(for: bytes))
        let name = file.split(separator: "/").last.map(String.init) ?? file
        let comment = "timestamp:\(SystemClock.now().seconds)\tfile:\(Console.printable(name, limit: 256))\thashed"
        let global = try await signingKey.sign(
            message: MinisignSignature.globalMessage(signature: signature, trustedComment: comment)
        )
        let signed = MinisignSignature(key: key, signature: signature, trustedComment: comment, globalSignature: global)
        try InputFile.write(Array(signed.file.utf8), to: file + ".minisig")
        Console.line("\(file).minisig: verify with minisign -V -P \(key.base64) -m \(file)")
    }
}

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

/// A dossier as a file.
enum DossierFile {
    static func read(_ path: String) throws(CommandFailure) -> Dossier {
        let bytes = try InputFile.read(path)
        do {
            return try Dossier(bytes)
        } catch {
            throw .failed("\(path): \(error)")
        }
    }
}
