// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// Makes records of events, each of which follows the one before, in the shape that the profile's system reads.
package struct RecordWriter: Sendable {
    /// A record without its signature, and the digest that has to be signed.
    package struct Draft: Sendable {
        fileprivate var object: JSONObject
        package let digest: Digest256

        /// The record, its signature in base64 as all systems write it.
        package func signed(_ signature: [UInt8]) -> JSONObject {
            var object = object
            object["signature"] = .string(Base64.encode(signature))
            return object
        }
    }

    private let profile: ChainProfile
    private let signer: String
    private var heads: [String: Digest256]

    /// - Parameters:
    ///   - profile: of the chain.
    ///   - signer: the id that verifiers look the key up by.
    ///   - heads: the ends of chains that are there already, by actor; under the empty name where there is one chain.
    package init(_ profile: ChainProfile, signer: String, heads: [String: Digest256] = [:]) {
        self.profile = profile
        self.signer = signer
        self.heads = heads
    }

    /// The next record.
    ///
    /// - Parameters:
    ///   - event: what it says. What it has as hash, predecessor, signature or signer is not looked at.
    ///   - id: for an event that has none.
    ///   - now: for an event without a time.
    /// - Returns: the record, and what is to be signed of it.
    /// - Throws: `notCanonical`; `invalidRecord` for an event that the profile cannot say.
    package mutating func next(_ event: AuditRecord, id: String, now: Timestamp) throws(AuditTrailError) -> Draft {
        let chain = profile.isPerActor ? event.actor ?? "" : ""
        guard !profile.isPerActor || !chain.isEmpty else { throw Self.missing("actor_id", event) }
        guard profile == .jcs || event.type != nil else { throw Self.missing("event_type", event) }
        let object = members(
            event,
            id: event.id ?? id,
            time: event.time ?? now.rfc3339WithMilliseconds,
            previous: heads[chain]
        )
        let record = try AuditRecord(.object(object), source: event.source)
        let digest = try profile.digest(of: record)
        heads[chain] = digest
        var complete = object
        // The agent manager's rows have none.
        if profile != .illuvrseA { complete["hash"] = .string(digest.hex) }
        return Draft(object: complete, digest: digest)
    }

    private static func missing(_ name: String, _ event: AuditRecord) -> AuditTrailError {
        .invalidRecord(source: event.source, JSONFieldError(path: name, problem: .missing))
    }

    private func members(_ event: AuditRecord, id: String, time: String, previous: Digest256?) -> JSONObject {
        let link: JSON = previous.map { .string($0.hex) } ?? .null
        let actor: JSON = event.actor.map { .string($0) } ?? .null
        let type: JSON = event.type.map { .string($0) } ?? .null
        switch profile {
        case .illuvrseA, .illuvrseC:
            return JSONObject([
                ("id", .string(id)), ("actor_id", actor), ("event_type", type), ("payload", event.payload),
                ("signer_kid", .string(signer)), ("prev_hash", link), ("created_at", .string(time)),
            ])
        case .illuvrseB, .illuvrseGo:
            var object = JSONObject([("id", .string(id)), ("eventType", type), ("payload", event.payload)])
            // Go leaves it out of the first.
            if profile == .illuvrseB || previous != nil { object["prevHash"] = link }
            object["signerId"] = .string(signer)
            object["ts"] = .string(time)
            object["metadata"] = event.object["metadata"]
            return object
        case .jcs:
            // Whatever the event has is covered.
            var object = event.object
            for name in AuditRecord.chainMembers { object[name] = nil }
            object["id"] = .string(id)
            object["created_at"] = .string(time)
            object["signer_kid"] = .string(signer)
            object["prev_hash"] = link
            return object
        }
    }
}
