// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import NitroAttestation

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify an attestation document.",
        discussion: """
            The file holds the document raw, in base64 or in hex. Its certificates live for three hours, so an archived
            document is judged at its own time with --at document.

            Name the enclave that you expect with --pcr 0=… (image) and --pcr 16=… (configuration of this broker): without
            a PCR the verdict says only that some genuine enclave made the document (identity: unchecked).

              keybroker verify document.cbor --pcr 0=3f1c… --pcr 16=9a07… --nonce 00112233445566778899aabbccddeeff
              keybroker verify archived.b64 --at document --json
            """
    )

    @Argument(help: ArgumentHelp("The document; - for standard input.", valueName: "FILE|-"))
    var file: String

    @OptionGroup var root: RootOptions
    @OptionGroup var pcr: PCROptions

    @Option(help: ArgumentHelp("The nonce that the document must carry.", valueName: "HEX"))
    var nonce: HexBytes?

    @Option(help: ArgumentHelp("The user data that the document must carry.", valueName: "HEX"))
    var userData: HexBytes?

    @Option(help: ArgumentHelp("The time to verify at: now, document, or an RFC 3339 time.", valueName: "TIME"))
    var at: VerificationTime = .now

    @Option(help: ArgumentHelp("Refuse a document that is older.", valueName: "SECONDS"))
    var maxAge: UInt32?

    @Flag(help: "Accept an enclave in debug mode (PCR0 to PCR2 are zero).")
    var allowDebug = false

    @Flag(help: "Print JSON (docs/reference/verify-output.schema.json).")
    var json = false

    func run() throws {
        let document = try InputFile.decode(try InputFile.read(file), named: file)
        let policy = try self.policy()
        let verifier: AttestationVerifier
        do {
            verifier = try AttestationVerifier(policy: policy)
        } catch {
            throw CommandFailure.usage(error.detail)
        }
        let verdict: Verdict =
            switch at {
            case .now: verifier.verify(document, at: SystemClock.now())
            case .document: verifier.verifyAtDocumentTime(document)
            case .at(let time): verifier.verify(document, at: time)
            }
        let report = VerificationReport(document: document, verdict: verdict, policy: policy)
        if json { Console.json(report.json) } else { report.printForPeople() }
        if case .rejected = verdict { throw CommandFailure.reported }
    }

    private func policy() throws(CommandFailure) -> VerificationPolicy {
        var policy = VerificationPolicy(roots: try root.anchors())
        policy.pcrs = try pcr.values()
        policy.nonce = nonce?.bytes
        policy.userData = userData?.bytes
        policy.maximumAge = maxAge.map { Int64($0) * 1000 }
        policy.allowsDebugMode = allowDebug
        return policy
    }
}
