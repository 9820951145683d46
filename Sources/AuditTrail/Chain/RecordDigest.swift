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
            let digest: [UInt8]
            switch self {
            case .illuvrseA, .illuvrseGo:
                // Genesis: nothing follows the payload. 64 zeros, as one published example has it, are another digest.
                digest = Hash.digest(.sha256, try form.encode(record.payload), record.previous?.bytes ?? [])
            case .illuvrseB:
                digest = Hash.digest(
                    .sha256,
                    try form.encode(
                        .object(
                            JSONObject([
                                ("eventType", record.type.json), ("payload", record.payload),
                                ("prevHash", record.previousText.json), ("ts", record.time.json),
                            ])
                        )
                    )
                )
            case .illuvrseC:
                digest = Hash.digest(
                    .sha256,
                    try form.encode(
                        .object(
                            JSONObject([
                                ("actor_id", record.actor.json), ("created_at", record.time.json),
                                ("event_type", record.type.json), ("payload", record.payload),
                                ("prev_hash", record.previousText.json),
                            ])
                        )
                    )
                )
            case .jcs:
                let covered = record.object.members.filter { !Self.uncoverable.contains($0.name) }
                digest = Hash.digest(
                    .sha256,
                    try form.encode(.object(JSONObject(covered.map { ($0.name, $0.value) })))
                )
            }
            // SHA-256 has 32 bytes.
            return Digest256(digest) ?? .zero
        } catch {
            throw .notCanonical(source: record.source, error)
        }
    }
}

extension Optional where Wrapped == String {
    fileprivate var json: JSON { map { .string($0) } ?? .null }
}
