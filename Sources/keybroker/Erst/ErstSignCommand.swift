// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Cryptography
import Encoding
import Foundation

struct ErstSignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign a trace with a key of the broker.",
        discussion: """
            $ERST_KMS_KEY_ID and $ERST_KMS_REGION stand for --key and --region. $ERST_KMS_PUBLIC_KEY_PEM, where it is set, has to be
            the key that the broker signs with. erst-go wants an Ed25519 key and a payload of ERST's Go command.

            With --attest the bundle carries, under its signature, the attestation of the expected enclave that names the key, and
            the certificates of that attestation from leaf to root: ERST's verifiers check those, erst verify
            --require-attested all of it.

              keybroker erst sign --key alias/erst --profile erst-v2 trace.json
              keybroker erst sign --key alias/erst --attest --pcr 0=3f1c… --pcr 16=9a07… trace.json
            """
    )

    @OptionGroup(title: "The broker") var broker: SigningBrokerOptions

    @Option(help: ArgumentHelp("The signing key: id, ARN or alias. [default: $ERST_KMS_KEY_ID]", valueName: "KEY"))
    var key: String?

    @Option(help: "erst-v1, erst-v2, glassbox or erst-go. [default: erst-v1, with --attest erst-v2]")
    var profile: AuditProfile?

    @Flag(help: "Put the attestation of the expected enclave that names the key into the bundle.")
    var attest = false

    @OptionGroup(title: "The enclave that is expected, with --attest") var expected: ExpectedEnclaveOptions

    @Option(help: ArgumentHelp("For erst-go: the transaction's hash, which nothing covers.", valueName: "HEX"))
    var transactionHash = ""

    @Argument(help: ArgumentHelp("The trace, or erst-go's payload; - for standard input.", valueName: "FILE"))
    var file = "-"

    /// Nil for a log of ERST's Go command.
    private var version: ERSTBundle.Version? {
        ERSTBundle.Version(rawValue: (profile ?? (attest ? .erstV2 : .erstV1)).rawValue)
    }

    func validate() throws {
        guard profile == .erstGo || version != nil else {
            throw ValidationError("--profile: one of erst-v1, erst-v2, glassbox and erst-go")
        }
        guard attest else {
            if expected.isGiven { throw ValidationError("what enclave is expected counts with --attest") }
            return
        }
        guard version == .v2 || version == .glassbox else {
            throw ValidationError("--attest: only erst-v2 and glassbox sign an attestation")
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
        // Not by ?:, whose nil would be JSON's null.
        var attestation: JSON?
        if attest { attestation = try await self.attestation(name, of: publicKey, environment["ERST_KMS_REGION"]) }
        do {
            Console.json(try await bundle(value, attestation, signingKey, publicKey))
        } catch let error as AuditTrailError {
            throw CommandFailure.failed("\(file): \(error)")
        } catch let error as JSONFieldError {
            throw CommandFailure.failed("\(file): \(error)")
        }
    }

    /// The expected enclave's, made now.
    private func attestation(_ name: String, of key: PublicKey, _ region: String?) async throws -> JSON {
        let options = try broker.options(region: region)
        let attested = try await AttestedSigner.fetch(
            name,
            policy: try expected.policy(),
            broker: options,
            BrokerSession(options)
        )
        guard let document = attested.signer.attestation?.document else {
            throw CommandFailure.failed("no attestation")
        }
        return try HardwareAttestation.json(document, naming: key, try SignerAttestationJudge(expected))
    }

    private func bundle(
        _ value: JSON,
        _ attestation: JSON?,
        _ signingKey: AuditSigningKey,
        _ publicKey: PublicKey
    ) async throws -> JSON {
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
        let hash = try ERSTBundle.hash(value, hardwareAttestation: attestation, version ?? .v1)
        return ERSTBundle.json(
            trace: value,
            hash: hash,
            signature: try await signingKey.sign(message: Array(hash.utf8)),
            publicKey: publicKey,
            hardwareAttestation: attestation
        )
    }
}
