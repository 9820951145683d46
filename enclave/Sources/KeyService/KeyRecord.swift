// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding
package import KMSProtocol

/// A key and everything that the KMS API knows of it.
package struct KeyRecord: Sendable {
    package struct Alias: Sendable, Equatable {
        /// With its prefix: `alias/audit`.
        package var name: String
        package var creationDate: Timestamp
        package var lastUpdatedDate: Timestamp

        package init(name: String, creationDate: Timestamp, lastUpdatedDate: Timestamp) {
            self.name = name
            self.creationDate = creationDate
            self.lastUpdatedDate = lastUpdatedDate
        }
    }

    /// How the key came to be. KMS itself knows two of these: see ``kmsOrigin``.
    package enum Origin: String, Sendable, CaseIterable {
        case imported
        case offline
        case inside
    }

    package enum Material: Sendable {
        case asymmetric(PrivateKey)
        /// Raw HMAC key, or a 32-byte AES key for SYMMETRIC_DEFAULT.
        case symmetric(SharedSecret)
    }

    /// UUID.
    package var id: String
    /// `arn:aws:kms:REGION:ACCOUNT:key/ID`
    package var arn: String
    package var spec: KeySpec
    package var usage: KeyUsage
    package var state: KeyState
    package var description: String
    package var creationDate: Timestamp
    package var deletionDate: Timestamp?
    package var aliases: [Alias]
    /// No two with the same key.
    package var tags: [KeyTag]
    /// The key policy, as the JSON text that was put.
    package var policy: String
    package var origin: Origin
    package var material: Material

    package init(
        id: String,
        arn: String,
        spec: KeySpec,
        usage: KeyUsage,
        state: KeyState = .enabled,
        description: String = "",
        creationDate: Timestamp,
        deletionDate: Timestamp? = nil,
        aliases: [Alias] = [],
        tags: [KeyTag] = [],
        policy: String,
        origin: Origin,
        material: Material
    ) {
        self.id = id
        self.arn = arn
        self.spec = spec
        self.usage = usage
        self.state = state
        self.description = description
        self.creationDate = creationDate
        self.deletionDate = deletionDate
        self.aliases = aliases
        self.tags = tags
        self.policy = policy
        self.origin = origin
        self.material = material
    }
}

extension KeyRecord.Origin {
    /// KMS's word for it (API Reference, OriginType): made by the service, or brought in.
    package var kmsOrigin: KeyOrigin {
        switch self {
        case .imported: .external
        case .offline, .inside: .awsKMS
        }
    }
}

extension KeyRecord {
    /// DER SubjectPublicKeyInfo; nil for a symmetric key.
    package var spki: [UInt8]? {
        if case .asymmetric(let key) = material { key.publicKey.spki } else { nil }
    }
}
