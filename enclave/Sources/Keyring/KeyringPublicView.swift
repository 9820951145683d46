// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
package import Encoding
import KMSProtocol
import KeyService

/// What `keyring show` prints: `docs/reference/keyring-show.schema.json`. Nothing in it is secret.
package struct KeyringPublicView: Sendable {
    private let members: JSONObject

    /// Without the TSK: what the protected header claims. Nothing vouches for it.
    package init(_ keyring: UnopenedKeyring) {
        var members = Self.header(keyring.claims)
        members["verified"] = .bool(false)
        self.members = members
    }

    /// With the TSK: everything public, as it was sealed.
    package init(_ keyring: OpenedKeyring) {
        self.init(header: keyring.header, keyring.publicParts, contents: keyring.contents)
    }

    /// Of a keyring that was just sealed.
    package init(_ sealed: SealedKeyring, contents: KeyringContents) {
        self.init(header: sealed.header, sealed.publicParts, contents: contents)
    }

    private init(header: KeyringHeader, _ parts: KeyringPublicParts, contents: KeyringContents) {
        var members = Self.header(header)
        members["verified"] = .bool(true)
        members["digest"] = .string(Hex.encode(parts.digest))
        members["keys"] = .array(contents.keys.map { .object(Self.key($0)) })
        members["principals"] = .array(contents.principals.map { .object(Self.principal($0)) })
        if let lastChange = contents.lastChange { members["lastChange"] = .string(lastChange.rfc3339) }
        if let tls = contents.tlsIdentity {
            members["tls"] = .object(Self.tls(tls))
        }
        members["protectedHeader"] = .string(Base64.encode(parts.protectedHeader))
        members["publicView"] = .string(Base64.encode(parts.view))
        self.members = members
    }

    package var json: JSON { .object(members) }

    private static func header(_ header: KeyringHeader) -> JSONObject {
        JSONObject([
            ("keyringId", .string(header.keyringID)),
            ("version", .number(JSONNumber(Int64(clamping: header.version)))),
            ("previousDigest", .string(Hex.encode(header.previousDigest))),
            ("writerBootId", .string(Hex.encode(header.writerBootID))),
        ])
    }

    private static func key(_ key: KeyRecord) -> JSONObject {
        var members = JSONObject([
            ("keyId", .string(key.id)),
            ("arn", .string(key.arn)),
            ("keySpec", .string(key.spec.rawValue)),
            ("keyUsage", .string(key.usage.rawValue)),
            ("keyState", .string(key.state.rawValue)),
            ("origin", .string(key.origin.rawValue)),
            ("created", .string(key.creationDate.rfc3339)),
            ("description", .string(key.description)),
            ("aliases", .array(key.aliases.map { .string($0.name) })),
            ("policy", .string(key.policy)),
        ])
        if !key.tags.isEmpty {
            members["tags"] = .object(JSONObject(key.tags.map { ($0.key, .string($0.value)) }))
        }
        if let deletion = key.deletionDate { members["deletion"] = .string(deletion.rfc3339) }
        if case .asymmetric(let pair) = key.material {
            members["publicKey"] = .string(pair.publicKey.pem)
            members["publicKeySha256"] = .string(Hex.encode(Hash.digest(.sha256, pair.publicKey.spki)))
        }
        return members
    }

    private static func tls(_ identity: TLSIdentity) -> JSONObject {
        let names = (try? identity.certificate.subjectAlternativeNames()) ?? []
        return JSONObject([
            ("certificate", .string(identity.certificate.pem)),
            ("publicKeySha256", .string(Hex.encode(identity.certificate.publicKeySHA256))),
            ("names", .array(names.compactMap(IngressName.init).map { .string($0.description) })),
            ("notAfter", .string(identity.certificate.notAfter.rfc3339)),
        ])
    }

    private static func principal(_ principal: Principal) -> JSONObject {
        var members = JSONObject([
            ("accessKeyId", .string(principal.accessKeyID)),
            ("arn", .string(principal.arn)),
            ("policies", .array(principal.policies.map { .string($0) })),
        ])
        if let created = principal.creationDate { members["created"] = .string(created.rfc3339) }
        return members
    }
}
