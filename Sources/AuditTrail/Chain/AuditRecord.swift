// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// One event of a chain, with what its record claims about it, in any of the shapes that the systems in use write.
package struct AuditRecord: Sendable {
    /// Where it was read, for messages: `event 3`, or a file's name.
    package let source: String
    /// The record as it was read.
    package let object: JSONObject
    package let payload: JSON
    package let id: String?
    package let actor: String?
    package let type: String?
    /// As written: what a digest covers is its text.
    package let time: String?
    package let signer: String?
    /// Base64 or hex, as written.
    package let signature: String?
    /// The digest that the record claims.
    package let hash: Digest256?
    /// The digest of the event before, as the record claims; nil for the first of a chain.
    package let previous: Digest256?
    /// The same as written, for digests that cover its text.
    package let previousText: String?
    /// Members that no system in use writes, in their order.
    package let others: [String]

    /// The names of each member. One may come under one name only: two could say two things.
    private enum Names {
        static let id = ["id"]
        static let actor = ["actor_id", "actorId"]
        static let type = ["event_type", "eventType"]
        static let payload = ["payload"]
        static let time = ["created_at", "createdAt", "ts"]
        static let signer = ["signer_kid", "signerKid", "signer_id", "signerId"]
        static let signature = ["signature"]
        static let hash = ["hash"]
        static let previous = ["prev_hash", "prevHash"]
        /// What makes an event a record of a chain.
        static let chain = [id, time, signer, signature, hash, previous].flatMap { $0 }
        static let all = Set([id, actor, type, payload, time, signer, signature, hash, previous].joined())
    }

    static var chainMembers: [String] { Names.chain }

    /// - Throws: `invalidRecord` for a value that is no object, without payload, with a member of a wrong type or one under two
    ///   names.
    package init(_ value: JSON, source: String) throws(AuditTrailError) {
        do throws(JSONFieldError) {
            guard case .object(let object) = value else {
                throw JSONFieldError(path: "the event", problem: .wrongType(expected: "object"))
            }
            let reader = MemberReader(object: object)
            guard let payload = try reader.value(Names.payload) else {
                throw JSONFieldError(path: "payload", problem: .missing)
            }
            self.payload = payload
            id = try reader.text(Names.id)
            actor = try reader.text(Names.actor)
            type = try reader.text(Names.type)
            time = try reader.text(Names.time)
            signer = try reader.text(Names.signer)
            signature = try reader.text(Names.signature)
            hash = try reader.digest(Names.hash)?.digest
            let previous = try reader.digest(Names.previous)
            self.previous = previous?.digest
            previousText = previous?.text
            others = object.members.map(\.name).filter { !Names.all.contains($0) }
            self.object = object
            self.source = source
        } catch {
            throw .invalidRecord(source: source, error)
        }
    }

    /// Parses one value of a stream.
    package init(_ bytes: [UInt8], source: String) throws(AuditTrailError) {
        let value: JSON
        do {
            value = try JSON.parse(bytes, limits: AuditLimits.json)
        } catch {
            throw .malformed(source: source, error)
        }
        try self.init(value, source: source)
    }
}

/// Members that may have several names.
private struct MemberReader {
    let object: JSONObject

    func value(_ names: [String]) throws(JSONFieldError) -> JSON? {
        let found = names.filter { object[$0] != nil }
        guard found.count < 2 else {
            throw JSONFieldError(path: found[1], problem: .invalid(reason: "says the same as \(found[0]): one of them"))
        }
        return found.first.flatMap { object[$0] }
    }

    /// Nil if absent, null or empty: databases write all three.
    func text(_ names: [String]) throws(JSONFieldError) -> String? {
        switch try value(names) {
        case nil, .null, .string(""): return nil
        case .string(let text): return text
        default: throw JSONFieldError(path: names[0], problem: .wrongType(expected: "string"))
        }
    }

    func digest(_ names: [String]) throws(JSONFieldError) -> (digest: Digest256, text: String)? {
        guard let text = try text(names) else { return nil }
        guard let digest = Digest256(hex: text) else {
            throw JSONFieldError(path: names[0], problem: .invalid(reason: "must be a SHA-256 digest in hex"))
        }
        return (digest, text)
    }
}
