// SPDX-License-Identifier: Apache-2.0

package import AccessPolicy
package import Encoding
package import KMSProtocol

/// An immutable set of keys, indexed by id and alias, with their policies parsed. Replaced whole when something changes.
package struct KeyTable: Sendable {
    /// A key with what is derived from it once.
    final class Entry: Sendable {
        let record: KeyRecord
        let policy: PolicyDocument
        let aliasNames: [String]
        /// Of the key's ARN. One that does not parse belongs to nobody's account: then nobody is of its account.
        let account: String

        init(_ record: KeyRecord, policy: PolicyDocument) {
            self.record = record
            self.policy = policy
            aliasNames = record.aliases.map(\.name)
            account = KMSARN(record.arn)?.account ?? ""
        }
    }

    /// The account that owns every key here.
    package let account: String
    /// The region in which they are.
    package let region: String
    /// `aws`, `aws-us-gov`, …
    package let partition: String
    /// In the order given, which lists keep.
    private(set) var entries: [Entry]
    private var indexByID: [String: Int]
    private var indexByAlias: [String: Int]

    /// A table without keys.
    package init(account: String, region: String, partition: String = "aws") {
        self.account = account
        self.region = region
        self.partition = partition
        entries = []
        indexByID = [:]
        indexByAlias = [:]
    }

    /// - Throws: ``KeyTableError`` if a key policy does not parse, or an id or alias name is there twice.
    package init(
        _ keys: [KeyRecord],
        account: String,
        region: String,
        partition: String = "aws"
    ) throws(KeyTableError) {
        self.init(account: account, region: region, partition: partition)
        for key in keys {
            try append(key)
        }
    }

    /// The keys, in the order given.
    package var keys: [KeyRecord] { entries.map(\.record) }

    /// The key that a request's KeyId names, and the alias (`alias/name`) if it was named by one. KMS's own errors
    /// otherwise.
    package func resolve(_ keyID: String) throws(KMSError) -> (key: KeyRecord, alias: String?) {
        let (entry, alias) = try entry(keyID)
        return (entry.record, alias)
    }

    /// What a request's KeyId names is, without a copy of the key's record; nil if it names no key.
    package func spec(of keyID: String) -> KeySpec? { try? entry(keyID).entry.record.spec }

    /// The key of this id; no other form.
    package func key(id: String) -> KeyRecord? {
        indexByID[id].map { entries[$0].record }
    }

    /// This table with one more key.
    package func adding(_ key: KeyRecord) throws(KeyTableError) -> KeyTable {
        var table = self
        try table.append(key)
        return table
    }

    /// This table with the key of the same id replaced; itself if there is none.
    package func replacing(_ key: KeyRecord) throws(KeyTableError) -> KeyTable {
        guard let index = indexByID[key.id] else { return self }
        var table = self
        for name in entries[index].aliasNames { table.indexByAlias[name] = nil }
        table.entries[index] = try table.admit(key, at: index)
        return table
    }

    /// This table without the keys whose deletion date has come, and without their aliases; nil if there are none.
    package func withoutKeysDue(at now: Timestamp) -> KeyTable? {
        let remaining = entries.filter { entry in entry.record.deletionDate.map { $0 > now } ?? true }
        guard remaining.count < entries.count else { return nil }
        var table = KeyTable(account: account, region: region, partition: partition)
        for entry in remaining {
            let index = table.entries.count
            table.entries.append(entry)
            table.indexByID[entry.record.id] = index
            for name in entry.aliasNames { table.indexByAlias[name] = index }
        }
        return table
    }

    private mutating func append(_ key: KeyRecord) throws(KeyTableError) {
        guard indexByID[key.id] == nil else { throw .duplicateKeyID(key.id) }
        entries.append(try admit(key, at: entries.count))
        indexByID[key.id] = entries.count - 1
    }

    private mutating func admit(_ key: KeyRecord, at index: Int) throws(KeyTableError) -> Entry {
        for alias in key.aliases {
            guard indexByAlias.updateValue(index, forKey: alias.name) == nil else {
                throw .duplicateAlias(alias.name)
            }
        }
        let policy: PolicyDocument
        do {
            policy = try PolicyDocument([UInt8](key.policy.utf8), kind: .key)
        } catch {
            throw .policy(keyID: key.id, error)
        }
        return Entry(key, policy: policy)
    }
}

/// Keys that make no table.
package enum KeyTableError: Error, Equatable, Sendable, CustomStringConvertible {
    case policy(keyID: String, PolicySyntaxError)
    case duplicateKeyID(String)
    case duplicateAlias(String)

    package var description: String {
        switch self {
        case .policy(let keyID, let error): "key policy of \(keyID): \(error)"
        case .duplicateKeyID(let id): "two keys have the id \(id)"
        case .duplicateAlias(let name): "two keys have the alias \(name)"
        }
    }
}

// MARK: Lookup

extension KeyTable {
    /// By any form of KeyId: cryptographic operations, DescribeKey and GetPublicKey.
    func entry(_ keyID: String) throws(KMSError) -> (entry: Entry, alias: String?) {
        switch KeyReference(keyID) {
        case .id(let id):
            return (try entry(id: id), nil)
        case .alias(let name):
            return (try entry(alias: name), name)
        case .arn, .aliasARN:
            switch try localResource(keyID) {
            case .key(let id): return (try entry(id: id), nil)
            case .alias(let name): return (try entry(alias: name), name)
            }
        case nil:
            throw .invalidKeyID(keyID)
        }
    }

    /// By id or key ARN alone: operations that manage a key (API Reference: "You cannot use an alias").
    func entryByKeyID(_ keyID: String) throws(KMSError) -> Entry {
        switch KeyReference(keyID) {
        case .id, .arn: return try entry(keyID).entry
        case .alias, .aliasARN, nil: throw .invalidKeyID(keyID)
        }
    }

    /// By the bare id that a ciphertext carries.
    func entryIfPresent(id: String) -> Entry? {
        indexByID[id].map { entries[$0] }
    }

    func hasAlias(_ name: String) -> Bool { indexByAlias[name] != nil }

    func keyARN(_ id: String) -> String { arn(.key(id)) }

    func aliasARN(_ name: String) -> String { arn(.alias(name)) }

    private func arn(_ resource: KMSARN.Resource) -> String {
        KMSARN(partition: partition, region: region, account: account, resource: resource).description
    }

    private func entry(id: String) throws(KMSError) -> Entry {
        guard let entry = entryIfPresent(id: id) else { throw .keyNotFound(arn: keyARN(id)) }
        return entry
    }

    func entry(alias name: String) throws(KMSError) -> Entry {
        guard let index = indexByAlias[name] else { throw .aliasNotFound(arn: aliasARN(name)) }
        return entries[index]
    }

    /// What an ARN names, if it is in this account and region. Another region is `Invalid arn REGION` in KMS's words.
    private func localResource(_ text: String) throws(KMSError) -> KMSARN.Resource {
        guard let arn = KMSARN(text) else { throw .invalidKeyID(text) }
        guard arn.region == region else { throw KMSError("NotFoundException", "Invalid arn \(arn.region)") }
        guard arn.account == account, arn.partition == partition else {
            switch arn.resource {
            case .key: throw .keyNotFound(arn: text)
            case .alias: throw .aliasNotFound(arn: text)
            }
        }
        return arn.resource
    }
}
