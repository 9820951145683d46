// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Cryptography
import Encoding

struct ErstVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify ERST's bundles, offline.",
        discussion: """
            Says which version a bundle is. The key in a bundle is believed for no other reason than --any-key.

            --require-attested demands a hardware_attestation under the signature whose document, verified at its own time, is of
            the expected enclave and names the key. With it --any-key means any key of that enclave. The attestation of another
            kind of module pins no root and names no key: it is not looked at.

              keybroker erst verify --public-key erst.pem bundle.json
              keybroker erst verify --any-key --require-attested --pcr 0=3f1c… --pcr 16=9a07… bundle.json

            Exit status 0 if every bundle is accepted, 1 if any is not.
            """
    )

    @OptionGroup(title: "Whose signature counts") var trust: DocumentTrustOptions

    @Flag(help: "Believe a key only if the bundle holds an attestation of the expected enclave that names it.")
    var requireAttested = false

    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Flag(help: "Print JSON (docs/reference/document-verify-output.schema.json).") var json = false

    @Argument(help: ArgumentHelp("The bundles.", valueName: "FILE")) var files: [String]

    func validate() throws {
        if !requireAttested, expected.isGiven {
            throw ValidationError("what enclave is expected counts with --require-attested")
        }
    }

    func run() throws {
        let trust = try self.trust.trust()
        let attested = try requireAttested ? SignerAttestationJudge(expected) : nil
        var verdicts = DocumentVerdicts(json: json)
        for file in files { verdicts.add(file, Self.verdict(try InputFile.read(file), trust, attested)) }
        try verdicts.finish()
    }

    /// Go's logs have other members, and neither reads the other's.
    private static func verdict(_ bytes: [UInt8], _ trust: DocumentTrust, _ attested: SignerAttestationJudge?)
        -> DocumentVerdict
    {
        do {
            let isGo = (try? JSON.parse(bytes, limits: AuditLimits.json))?.object?["trace_hash"] != nil
            if isGo {
                let verdict = try ERSTGoLog(json: bytes).verify(trust)
                return attested == nil ? verdict : refuse(verdict, "a log of ERST's Go command holds no attestation")
            }
            let bundle = try ERSTBundle(json: bytes)
            return check(bundle, bundle.verify(trust), trust, attested)
        } catch {
            return .rejected(.malformed, [("detail", error.description)])
        }
    }

    private static func refuse(_ verdict: DocumentVerdict, _ reason: String) -> DocumentVerdict {
        verdict.isAccepted ? verdict.adding([("detail", reason)], rejection: .signerNotAttested) : verdict
    }

    /// Holds a bundle that is right otherwise to the attestation in it.
    private static func check(
        _ bundle: ERSTBundle,
        _ verdict: DocumentVerdict,
        _ trust: DocumentTrust,
        _ attested: SignerAttestationJudge?
    ) -> DocumentVerdict {
        guard let attested else {
            return bundle.hardwareAttestation == nil ? verdict : verdict.adding([("attestation", "unchecked")])
        }
        guard verdict.isAccepted else { return verdict }
        guard let value = bundle.hardwareAttestation else { return refuse(verdict, "no attestation in the bundle") }
        guard verdict["uncovered"] == nil else { return refuse(verdict, "its attestation is not under the signature") }
        guard let attestation = HardwareAttestation(value) else {
            return refuse(verdict, "its attestation is of another kind")
        }
        guard let key = trust.key(of: bundle) else { return refuse(verdict, "no key") }
        switch attestation.check(key, attested) {
        case .failure(let refusal): return refuse(verdict, refusal.reason)
        case .success(let origin):
            return verdict.adding([("attestation", "verified"), ("keyOrigin", origin.name)])
        }
    }
}

extension DocumentTrust {
    /// The key that a bundle's signature was verified with.
    fileprivate func key(of bundle: ERSTBundle) -> PublicKey? {
        if case .key(let key) = self { key } else { bundle.embeddedKey }
    }
}
