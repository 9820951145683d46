// SPDX-License-Identifier: Apache-2.0

import CBOR
import Cryptography
import Encoding
import KMSProtocol
import KeyService

/// A public view, decoded strictly: known members only, right types, deterministic form.
struct PublicViewRecords {
    struct Key {
        /// Everything but the material, which stands apart.
        var make: (KeyRecord.Material) -> KeyRecord
        var spec: KeySpec
        var spki: [UInt8]?
    }

    struct Principal {
        var accessKeyID: String
        var arn: String
        var policies: [String]
        var creationDate: Timestamp?
    }

    var keys: [Key]
    var principals: [Principal]
    var tls: (spki: [UInt8], certificate: [UInt8])?
    var lastChange: Timestamp?

    init(decoding bytes: [UInt8]) throws(KeyringError) {
        let value: CBORValue
        do {
            value = try CBORDecoder.decode(bytes, limits: KeyringLimits.view)
        } catch {
            throw .malformedContents("public view: \(error.code.rawValue) at byte \(error.offset)")
        }
        guard value.encoded() == bytes else { throw .malformedContents("public view is not in deterministic form") }
        var view = try ViewMap(value, "view")
        guard case .unsigned(PublicViewWriter.format) = view.take(Member.format) else {
            throw .malformedContents("unknown format")
        }
        keys = []
        for entry in try view.array(Member.keys) { keys.append(try Key(entry)) }
        principals = []
        for entry in try view.array(Member.principals) { principals.append(try Principal(entry)) }
        if let member = view.take(Member.tls) {
            var map = try ViewMap(member, "tls")
            tls = (try map.bytes(Member.spki), try map.bytes(Member.certificate))
            try map.finish()
        }
        lastChange = try view.optionalTime(Member.changed)
        try view.finish()
        guard keys.count <= KeyringLimits.keys else { throw .limitExceeded("keys") }
        guard principals.count <= KeyringLimits.principals else { throw .limitExceeded("principals") }
    }
}

extension PublicViewRecords.Key {
    fileprivate init(_ value: CBORValue) throws(KeyringError) {
        var map = try ViewMap(value, "key")
        let id = try map.text(Member.id)
        let arn = try map.text(Member.arn)
        guard let spec = KeySpec(rawValue: try map.text(Member.spec)),
            let usage = KeyUsage(rawValue: try map.text(Member.usage)),
            let state = KeyState(rawValue: try map.text(Member.state)),
            let origin = KeyRecord.Origin(rawValue: try map.text(Member.origin))
        else { throw .malformedContents("key: unknown spec, usage, state or origin") }
        let description = try map.text(Member.description)
        let created = try map.time(Member.created)
        let deletion = try map.optionalTime(Member.deletion)
        var aliases: [KeyRecord.Alias] = []
        for entry in try map.array(Member.aliases) {
            var alias = try ViewMap(entry, "alias")
            aliases.append(
                KeyRecord.Alias(
                    name: try alias.text(Member.name),
                    creationDate: try alias.time(Member.created),
                    lastUpdatedDate: try alias.time(Member.updated)
                )
            )
            try alias.finish()
        }
        guard aliases.count <= KeyringLimits.aliasesPerKey else { throw .limitExceeded("aliasesPerKey") }
        let tags = try map.tags()
        let policy = try map.text(Member.policy)
        spki = try map.optionalBytes(Member.spki)
        try map.finish()
        self.spec = spec
        make = { material in
            KeyRecord(
                id: id,
                arn: arn,
                spec: spec,
                usage: usage,
                state: state,
                description: description,
                creationDate: created,
                deletionDate: deletion,
                aliases: aliases,
                tags: tags,
                policy: policy,
                origin: origin,
                material: material
            )
        }
    }
}

extension PublicViewRecords.Principal {
    fileprivate init(_ value: CBORValue) throws(KeyringError) {
        var map = try ViewMap(value, "principal")
        accessKeyID = try map.text(Member.accessKeyID)
        arn = try map.text(Member.arn)
        policies = []
        for entry in try map.array(Member.policies) {
            guard case .text(let policy) = entry else { throw .malformedContents("principal: policy is not text") }
            policies.append(policy)
        }
        creationDate = try map.optionalTime(Member.created)
        try map.finish()
        guard policies.count <= KeyringLimits.policiesPerPrincipal else {
            throw .limitExceeded("policiesPerPrincipal")
        }
    }
}

/// A map whose members are each taken once; what is left at the end is unknown.
private struct ViewMap {
    private var members: [String: CBORValue] = [:]
    private let name: String

    init(_ value: CBORValue, _ name: String) throws(KeyringError) {
        guard case .map(let map) = value else { throw .malformedContents("\(name): not a map") }
        for entry in map.entries {
            guard case .text(let key) = entry.key, members.updateValue(entry.value, forKey: key) == nil else {
                throw .malformedContents("\(name): member names")
            }
        }
        self.name = name
    }

    mutating func take(_ member: String) -> CBORValue? { members.removeValue(forKey: member) }

    mutating func text(_ member: String) throws(KeyringError) -> String {
        guard case .text(let text) = take(member) else { throw wrong(member) }
        return text
    }

    mutating func bytes(_ member: String) throws(KeyringError) -> [UInt8] {
        guard case .bytes(let bytes) = take(member) else { throw wrong(member) }
        return bytes
    }

    mutating func optionalBytes(_ member: String) throws(KeyringError) -> [UInt8]? {
        members[member] == nil ? nil : try bytes(member)
    }

    mutating func array(_ member: String) throws(KeyringError) -> [CBORValue] {
        guard case .array(let elements) = take(member) else { throw wrong(member) }
        return elements
    }

    mutating func time(_ member: String) throws(KeyringError) -> Timestamp {
        guard case .unsigned(let value) = take(member), let milliseconds = Int64(exactly: value) else {
            throw wrong(member)
        }
        return Timestamp(milliseconds: milliseconds)
    }

    mutating func optionalTime(_ member: String) throws(KeyringError) -> Timestamp? {
        members[member] == nil ? nil : try time(member)
    }

    /// Absent where a key has none.
    mutating func tags() throws(KeyringError) -> [KeyTag] {
        guard let value = take(Member.tags) else { return [] }
        guard case .map(let map) = value, !map.entries.isEmpty else { throw wrong(Member.tags) }
        var tags: [KeyTag] = []
        for entry in map.entries {
            guard case .text(let key) = entry.key, case .text(let value) = entry.value else { throw wrong(Member.tags) }
            tags.append(KeyTag(key: key, value: value))
        }
        return tags
    }

    func finish() throws(KeyringError) {
        guard members.isEmpty else { throw .malformedContents("\(name): unknown member") }
    }

    private func wrong(_ member: String) -> KeyringError { .malformedContents("\(name): \(member)") }
}
