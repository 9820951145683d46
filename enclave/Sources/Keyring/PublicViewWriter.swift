// SPDX-License-Identifier: Apache-2.0

import CBOR
import Cryptography
import Encoding
import KMSProtocol
import KeyService

/// Names of the public view's members.
enum Member {
    static let format = "format"
    static let keys = "keys"
    static let principals = "principals"
    static let tls = "tls"
    static let changed = "changed"

    static let id = "id"
    static let arn = "arn"
    static let spec = "spec"
    static let usage = "usage"
    static let state = "state"
    static let description = "description"
    static let created = "created"
    static let deletion = "deletion"
    static let aliases = "aliases"
    static let tags = "tags"
    static let policy = "policy"
    static let origin = "origin"
    static let spki = "spki"
    static let certificate = "certificate"

    static let name = "name"
    static let updated = "updated"

    static let accessKeyID = "accessKeyId"
    static let policies = "policies"
}

/// Writes the public view: everything that a keyring holds but key material, principals' secrets and the TLS private
/// key, with every public key. Deterministic CBOR; times are milliseconds since the Unix epoch.
enum PublicViewWriter {
    static let format: UInt64 = 1

    static func encode(_ contents: KeyringContents) -> [UInt8] {
        var members: [(CBORValue, CBORValue)] = [
            (.text(Member.format), .unsigned(format)),
            (.text(Member.keys), .array(contents.keys.map(key))),
            (.text(Member.principals), .array(contents.principals.map(principal))),
        ]
        if let lastChange = contents.lastChange { members.append((.text(Member.changed), time(lastChange))) }
        if let tls = contents.tlsIdentity {
            let map = CBORMap([
                (.text(Member.spki), .bytes(tls.key.publicKey.spki)),
                (.text(Member.certificate), .bytes(tls.certificate.der)),
            ])
            members.append((.text(Member.tls), .map(map)))
        }
        return CBORValue.map(CBORMap(members)).encoded()
    }

    private static func key(_ key: KeyRecord) -> CBORValue {
        var members: [(CBORValue, CBORValue)] = [
            (.text(Member.id), .text(key.id)),
            (.text(Member.arn), .text(key.arn)),
            (.text(Member.spec), .text(key.spec.rawValue)),
            (.text(Member.usage), .text(key.usage.rawValue)),
            (.text(Member.state), .text(key.state.rawValue)),
            (.text(Member.description), .text(key.description)),
            (.text(Member.created), time(key.creationDate)),
            (.text(Member.aliases), .array(key.aliases.map(alias))),
            (.text(Member.policy), .text(key.policy)),
            (.text(Member.origin), .text(key.origin.rawValue)),
        ]
        if let deletion = key.deletionDate { members.append((.text(Member.deletion), time(deletion))) }
        if !key.tags.isEmpty {
            members.append((.text(Member.tags), .map(CBORMap(key.tags.map { (.text($0.key), .text($0.value)) }))))
        }
        if case .asymmetric(let pair) = key.material {
            members.append((.text(Member.spki), .bytes(pair.publicKey.spki)))
        }
        return .map(CBORMap(members))
    }

    private static func alias(_ alias: KeyRecord.Alias) -> CBORValue {
        .map(
            CBORMap([
                (.text(Member.name), .text(alias.name)),
                (.text(Member.created), time(alias.creationDate)),
                (.text(Member.updated), time(alias.lastUpdatedDate)),
            ])
        )
    }

    private static func principal(_ principal: Principal) -> CBORValue {
        var members: [(CBORValue, CBORValue)] = [
            (.text(Member.accessKeyID), .text(principal.accessKeyID)),
            (.text(Member.arn), .text(principal.arn)),
            (.text(Member.policies), .array(principal.policies.map { .text($0) })),
        ]
        if let created = principal.creationDate { members.append((.text(Member.created), time(created))) }
        return .map(CBORMap(members))
    }

    private static func time(_ time: Timestamp) -> CBORValue { .integer(time.milliseconds) }
}
