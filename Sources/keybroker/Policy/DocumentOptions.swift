// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import NitroAttestation

/// An attestation document as a request's Recipient, as flags.
struct DocumentOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The attestation document of the request: raw, base64 or hex.", valueName: "FILE|-")
    )
    var attestation: String?

    @Option(
        name: .customLong("pcr"),
        help: ArgumentHelp(
            "Instead of a document: a PCR that it would have, such as a log names. May be repeated.",
            valueName: "N=HEX"
        )
    )
    var pcrs: [String] = []

    @OptionGroup var root: RootOptions

    @Option(
        help: ArgumentHelp(
            "The time to verify the document at: document (its own), now, or an RFC 3339 time.",
            valueName: "TIME"
        )
    )
    var at: VerificationTime = .document

    func read() throws(CommandFailure) -> RequestDocument? {
        guard let attestation else {
            return pcrs.isEmpty ? nil : RequestDocument(pcrs: try PCROptions.values(pcrs))
        }
        guard pcrs.isEmpty else { throw .usage("name --attestation or --pcr, not both") }
        let bytes = try InputFile.decode(try InputFile.read(attestation), named: attestation)
        // As KMS: a debug document is genuine, and its PCRs are zeros.
        var policy = VerificationPolicy(roots: try root.anchors())
        policy.allowsDebugMode = true
        let verdict: Verdict
        do {
            let verifier = try AttestationVerifier(policy: policy)
            verdict =
                switch at {
                case .now: verifier.verify(bytes, at: SystemClock.now())
                case .document: verifier.verifyAtDocumentTime(bytes)
                case .at(let time): verifier.verify(bytes, at: time)
                }
        } catch {
            throw .usage(error.detail)
        }
        switch verdict {
        case .accepted(let attestation): return RequestDocument(attestation.document, rejection: nil)
        case .rejected(let rejection):
            return RequestDocument(try? UnverifiedAttestation(parsing: bytes).claims, rejection: rejection)
        }
    }
}

/// What a document says, and whether KMS would believe it.
struct RequestDocument: Sendable {
    enum Verdict: String, Sendable {
        case accepted
        case rejected
        /// Measurements that somebody named.
        case unchecked
    }

    let verdict: Verdict
    /// Attested only if accepted.
    let pcrs: [Int: [UInt8]]
    /// Nil if the document does not parse, or there is none.
    let timestamp: Timestamp?
    let rejection: Rejection?

    init(_ claims: AttestationDocument?, rejection: Rejection?) {
        verdict = rejection == nil ? .accepted : .rejected
        pcrs = claims?.pcrs ?? [:]
        timestamp = claims?.timestamp
        self.rejection = rejection
    }

    init(pcrs: [Int: [UInt8]]) {
        verdict = .unchecked
        self.pcrs = pcrs
        timestamp = nil
        rejection = nil
    }

    /// Nothing is attested about the image.
    var isDebugMode: Bool { pcrs[0]?.allSatisfy { $0 == 0 } ?? false }

    /// Why KMS would refuse it before it asks any policy.
    var refusal: String? { rejection.map { "\($0.reason.rawValue): \(Console.printable($0.detail))" } }
}
