// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Encoding
import KMSProtocol

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
