// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The members that records have, under any of the names that the systems in use write.
enum RecordMember: Int, Sendable, CaseIterable {
    case id = 0
    case actor
    case type
    case payload
    case time
    case signer
    case signature
    case hash
    case previous

    var names: [String] {
        switch self {
        case .id: ["id"]
        case .actor: ["actor_id", "actorId"]
        case .type: ["event_type", "eventType"]
        case .payload: ["payload"]
        case .time: ["created_at", "createdAt", "ts"]
        case .signer: ["signer_kid", "signerKid", "signer_id", "signerId"]
        case .signature: ["signature"]
        case .hash: ["hash"]
        case .previous: ["prev_hash", "prevHash"]
        }
    }

    /// Whether it makes an event a record of a chain.
    var isOfChain: Bool {
        switch self {
        case .actor, .type, .payload: false
        case .id, .time, .signer, .signature, .hash, .previous: true
        }
    }

    /// Nil for a name that no system in use writes.
    init?(name: String) {
        let length = name.utf8.count
        guard Self.byLength.indices.contains(length),
            let found = Self.byLength[length].first(where: { $0.name.hasSameScalars(as: name) })
        else { return nil }
        self = found.member
    }

    /// Every name, by its length: an event in a chain of a million is read without hashing its members' names.
    private static let byLength: [[(name: String, member: RecordMember)]] = {
        let all = allCases.flatMap { member in member.names.map { (name: $0, member: member) } }
        return (0...(all.map(\.name.utf8.count).max() ?? 0)).map { length in all.filter { $0.name.utf8.count == length }
        }
    }()
}

/// The members of one record. One may come under one name only: two could say two things.
struct RecordReader {
    private var values: [JSON?]
    private let object: JSONObject
    /// Names that no system in use writes, in their order.
    private(set) var others: [String] = []

    init(_ object: JSONObject) throws(JSONFieldError) {
        self.object = object
        values = Array(repeating: nil, count: RecordMember.allCases.count)
        for (name, value) in object.members {
            guard let member = RecordMember(name: name) else {
                others.append(name)
                continue
            }
            guard values[member.rawValue] == nil else {
                let first = member.names.first { $0 != name && object[$0] != nil } ?? name
                throw JSONFieldError(
                    path: name,
                    problem: .invalid(reason: "says the same as \(first): one of them")
                )
            }
            values[member.rawValue] = value
        }
    }

    subscript(_ member: RecordMember) -> JSON? { values[member.rawValue] }

    /// Nil if absent, null or empty: databases write all three.
    func text(_ member: RecordMember) throws(JSONFieldError) -> String? {
        switch self[member] {
        case nil, .null, .string(""): return nil
        case .string(let text): return text
        default: throw JSONFieldError(path: path(member), problem: .wrongType(expected: "string"))
        }
    }

    func digest(_ member: RecordMember) throws(JSONFieldError) -> (digest: Digest256, text: String)? {
        guard let text = try text(member) else { return nil }
        guard let digest = Digest256(hex: text) else {
            throw JSONFieldError(path: path(member), problem: .invalid(reason: "must be a SHA-256 digest in hex"))
        }
        return (digest, text)
    }

    /// As the record names it.
    private func path(_ member: RecordMember) -> String {
        member.names.first { object[$0] != nil } ?? member.names[0]
    }
}
