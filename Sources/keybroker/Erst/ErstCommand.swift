// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Cryptography
import Encoding
import Foundation

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

struct ErstSignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign a trace with a key of the broker.",
        discussion: """
            $ERST_KMS_KEY_ID and $ERST_KMS_REGION stand for --key and --region. $ERST_KMS_PUBLIC_KEY_PEM, where it is set, has to be
            the key that the broker signs with. erst-go wants an Ed25519 key and a payload of ERST's Go command.

              keybroker erst sign --key alias/erst --profile erst-v2 trace.json
            """
    )

    @OptionGroup(title: "The broker") var broker: SigningBrokerOptions

    @Option(help: ArgumentHelp("The signing key: id, ARN or alias. [default: $ERST_KMS_KEY_ID]", valueName: "KEY"))
    var key: String?

    @Option(help: "erst-v1, erst-v2, glassbox or erst-go.") var profile = AuditProfile.erstV1

    @Option(help: ArgumentHelp("For erst-go: the transaction's hash, which nothing covers.", valueName: "HEX"))
    var transactionHash = ""

    @Argument(help: ArgumentHelp("The trace, or erst-go's payload; - for standard input.", valueName: "FILE"))
    var file = "-"

    /// Nil for a log of ERST's Go command.
    private var version: ERSTBundle.Version? { ERSTBundle.Version(rawValue: profile.rawValue) }

    func validate() throws {
        guard profile == .erstGo || version != nil else {
            throw ValidationError("--profile: one of erst-v1, erst-v2, glassbox and erst-go")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let name = key ?? environment["ERST_KMS_KEY_ID"], !name.isEmpty else {
            throw CommandFailure.usage(
                "KMS signer selected but ERST_KMS_KEY_ID is not set: set it, or name the key with --key"
            )
        }
        let value: JSON
        do {
            value = try JSON.parse(try InputFile.read(file), limits: AuditLimits.json)
        } catch let error as JSONError {
            throw CommandFailure.usage("\(file): \(error.code.rawValue) at byte \(error.offset)")
        }
        let signingKey = try await AuditSigningKey(
            name,
            session: try broker.session(region: environment["ERST_KMS_REGION"])
        )
        guard let publicKey = signingKey.publicKey else { throw CommandFailure.usage("\(name) has no public key") }
        if let pem = environment["ERST_KMS_PUBLIC_KEY_PEM"], !pem.isEmpty {
            guard let expected = PublicKeyText.parse(pem), expected == publicKey else {
                throw CommandFailure.failed("ERST_KMS_PUBLIC_KEY_PEM is not the public key of \(name)")
            }
        }
        do {
            Console.json(try await bundle(value, signingKey, publicKey))
        } catch let error as AuditTrailError {
            throw CommandFailure.failed("\(file): \(error)")
        } catch let error as JSONFieldError {
            throw CommandFailure.failed("\(file): \(error)")
        }
    }

    private func bundle(_ value: JSON, _ signingKey: AuditSigningKey, _ publicKey: PublicKey) async throws -> JSON {
        if profile == .erstGo {
            guard let raw = PublicKeyText.raw(publicKey) else {
                throw CommandFailure.usage("erst-go is signed by Ed25519 keys")
            }
            let payload = try ERSTGoLog.payload(value)
            let digest = try ERSTGoLog.digest(payload)
            return ERSTGoLog.json(
                payload: payload,
                transactionHash: transactionHash,
                signature: try await signingKey.sign(message: digest),
                publicKey: raw,
                digest: digest,
                now: SystemClock.now()
            )
        }
        let hash = try ERSTBundle.hash(value, version ?? .v1)
        return ERSTBundle.json(
            trace: value,
            hash: hash,
            signature: try await signingKey.sign(message: Array(hash.utf8)),
            publicKey: publicKey
        )
    }
}

struct ErstVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify ERST's bundles, offline.",
        discussion: """
            Says which version a bundle is. The key in a bundle is believed for no other reason than --any-key; an attestation
            chain in it is not looked at: it pins no root, and names no key.

            Exit status 0 if every bundle is accepted, 1 if any is not.
            """
    )

    @OptionGroup(title: "Whose signature counts") var trust: DocumentTrustOptions

    @Flag(help: "Print JSON (docs/reference/document-verify-output.schema.json).") var json = false

    @Argument(help: ArgumentHelp("The bundles.", valueName: "FILE")) var files: [String]

    func run() throws {
        let trust = try self.trust.trust()
        var verdicts = DocumentVerdicts(json: json)
        for file in files { verdicts.add(file, Self.verdict(try InputFile.read(file), trust)) }
        try verdicts.finish()
    }

    /// Go's logs have other members, and neither reads the other's.
    private static func verdict(_ bytes: [UInt8], _ trust: DocumentTrust) -> DocumentVerdict {
        do {
            let isGo = (try? JSON.parse(bytes, limits: AuditLimits.json))?.object?["trace_hash"] != nil
            return isGo ? try ERSTGoLog(json: bytes).verify(trust) : try ERSTBundle(json: bytes).verify(trust)
        } catch {
            return .rejected(.malformed, [("detail", error.description)])
        }
    }
}
