// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

extension ChainProfile {
    /// Members of a record that its own digest cannot cover.
    private static let uncoverable: Set<String> = ["hash", "signature"]

    /// The digest of a record, which covers the predecessor that the record claims.
    ///
    /// - Throws: `notCanonical` for what the profile's form cannot say.
    package func digest(of record: AuditRecord) throws(AuditTrailError) -> Digest256 {
        do throws(CanonicalFormError) {
            let digest = Hash.digest(.sha256, try form.encode(subject(of: record)), suffix(of: record))
            // SHA-256 has 32 bytes.
            return Digest256(digest) ?? .zero
        } catch {
            throw .notCanonical(source: record.source, error)
        }
    }

    /// What is put into canonical form.
    private func subject(of record: AuditRecord) -> JSON {
        switch self {
        case .illuvrseA, .illuvrseGo:
            record.payload
        case .illuvrseB:
            [
                "eventType": record.type.json, "payload": record.payload,
                "prevHash": record.previousText.json, "ts": record.time.json,
            ]
        case .illuvrseC:
            [
                "actor_id": record.actor.json, "created_at": record.time.json,
                "event_type": record.type.json, "payload": record.payload,
                "prev_hash": record.previousText.json,
            ]
        case .jcs:
            .object(
                JSONObject(
                    record.object.members.filter { !Self.uncoverable.contains($0.name) }.map { ($0.name, $0.value) }
                )
            )
        }
    }

    /// What follows it.
    private func suffix(of record: AuditRecord) -> [UInt8] {
        switch self {
        // Genesis: nothing follows the payload. 64 zeros, as one published example has it, are another digest.
        case .illuvrseA, .illuvrseGo: record.previous?.bytes ?? []
        case .illuvrseB, .illuvrseC, .jcs: []
        }
    }
}

extension Optional where Wrapped == String {
    fileprivate var json: JSON { map { .string($0) } ?? .null }
}
