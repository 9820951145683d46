// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// What is checked of each event by itself: its form, its digest, its signature and its signer. Has no state, so that events can be
/// judged side by side.
package struct RecordJudge: Sendable {
    package let profile: ChainProfile
    /// Nil: hashes and links alone are checked.
    package let registry: SignerRegistry?
    /// The signers whose attestation counts; nil where none is demanded.
    package let attested: Set<String>?

    package init(profile: ChainProfile, registry: SignerRegistry?, attested: Set<String>? = nil) {
        self.profile = profile
        self.registry = registry
        self.attested = attested
    }

    /// An event that was judged.
    package struct Judged: Sendable {
        let number: Int
        let id: String?
        /// Nil for what could not be read or hashed.
        let link: Link?
        /// In the order of the checks; empty where all is well.
        let findings: [ChainFinding]
        let isSignatureValid: Bool
        let signer: String?
        let others: [String]

        struct Link: Sendable {
            let digest: Digest256
            let previous: Digest256?
            let actor: String?
        }
    }

    /// Judges one JSON value. Events are numbered from 1.
    package func judge(_ bytes: [UInt8], number: Int) -> Judged {
        let record: AuditRecord
        do {
            record = try AuditRecord(bytes, source: "event " + String(number))
        } catch {
            return failed(number, nil, ChainFinding(.malformedEvent, event: number, detail: error.description))
        }
        return judge(record, number: number)
    }

    package func judge(_ record: AuditRecord, number: Int) -> Judged {
        let digest: Digest256
        do {
            digest = try profile.digest(of: record)
        } catch {
            return failed(
                number,
                record.id,
                ChainFinding(.notCanonical, event: number, id: record.id, detail: error.description)
            )
        }
        var codes: [FindingCode] = []
        if let claimed = record.hash, claimed != digest { codes.append(.changedEvent) }
        let signature = registry.map { check(record, digest, $0) }
        codes += signature?.codes ?? []
        return Judged(
            number: number,
            id: record.id,
            link: .init(digest: digest, previous: record.previous, actor: profile.isPerActor ? record.actor : nil),
            findings: codes.map { ChainFinding($0, event: number, id: record.id) },
            isSignatureValid: signature?.isValid == true,
            signer: record.signer,
            others: profile.covered.contains(.other) ? [] : record.others
        )
    }

    private func check(_ record: AuditRecord, _ digest: Digest256, _ registry: SignerRegistry)
        -> (isValid: Bool, codes: [FindingCode])
    {
        guard let signature = record.signature else { return (false, [.unsignedEvent]) }
        guard let id = record.signer, let signer = registry[id] else { return (false, [.unknownSigner]) }
        guard signer.verify(signature, digest: digest) else {
            return (false, [profile == .illuvrseB ? .signatureUnverifiable : .signatureInvalid])
        }
        var codes: [FindingCode] = []
        if let refusal = signer.refusal(at: record.time.flatMap { Timestamp(rfc3339: $0) }) {
            codes.append(FindingCode(refusal))
        }
        if let attested, !attested.contains(id) { codes.append(.signerNotAttested) }
        return (true, codes)
    }

    private func failed(_ number: Int, _ id: String?, _ finding: ChainFinding) -> Judged {
        Judged(
            number: number,
            id: id,
            link: nil,
            findings: [finding],
            isSignatureValid: false,
            signer: nil,
            others: []
        )
    }
}
