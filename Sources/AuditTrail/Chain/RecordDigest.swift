// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

extension ChainProfile {
    /// Members of a record that its own digest cannot cover.
    private static let uncoverable = ["hash", "signature"]

    /// The digest of a record, which covers the predecessor that the record claims.
    ///
    /// - Throws: `notCanonical` for what the profile's form cannot say.
    package func digest(of record: AuditRecord) throws(AuditTrailError) -> Digest256 {
        do throws(CanonicalFormError) {
            // SHA-256 has 32 bytes.
            return Digest256(Hash.digest(.sha256, try subject(of: record))) ?? .zero
        } catch {
            throw .notCanonical(source: record.source, error)
        }
    }

    /// What is hashed: a canonical form, and what follows it.
    private func subject(of record: AuditRecord) throws(CanonicalFormError) -> [UInt8] {
        var encoder = CanonicalEncoder(form: form)
        switch self {
        case .illuvrseA, .illuvrseGo:
            try encoder.append(record.payload)
            // Genesis: nothing follows the payload. 64 zeros, as one published example has it, are another digest.
            return encoder.bytes + (record.previous?.bytes ?? [])
        case .illuvrseB:
            try encoder.append(members: [
                ("eventType", record.type.json), ("payload", record.payload), ("prevHash", record.previousText.json),
                ("ts", record.time.json),
            ])
        case .illuvrseC:
            try encoder.append(members: [
                ("actor_id", record.actor.json), ("created_at", record.time.json), ("event_type", record.type.json),
                ("payload", record.payload), ("prev_hash", record.previousText.json),
            ])
        case .jcs: try encoder.append(members: record.object.members, without: Self.uncoverable)
        }
        return encoder.bytes
    }
}

extension Optional where Wrapped == String {
    fileprivate var json: JSON { map { .string($0) } ?? .null }
}
