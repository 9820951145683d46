// SPDX-License-Identifier: Apache-2.0

/// `user_data` of every document of this broker: one deterministic CBOR map with unsigned keys, at most 512 bytes.
package struct AttestationUserData: Sendable, Equatable {
    package enum Purpose: UInt64, Sendable {
        case unlock = 1
        case identity = 2
        case ceremony = 3
    }

    package enum KeyOrigin: UInt64, Sendable {
        case imported = 0
        case madeOffline = 1
        case madeInside = 2
    }

    package static let format: UInt64 = 1
    /// AWS, "Attestation process", section 3.2: `user_data` has at most 512 bytes.
    package static let maximumLength = 512

    /// Key 2.
    package var purpose: Purpose
    /// Key 3.
    package var brokerID: String
    /// Key 4: SHA-384 of the configuration's exact bytes.
    package var configurationDigest: [UInt8]
    /// Key 5.
    package var keyringID: String?
    /// Key 6.
    package var keyringVersion: UInt64?
    /// Key 7: 48 bytes.
    package var keyringDigest: [UInt8]?
    /// Key 8: 16 bytes.
    package var bootID: [UInt8]
    /// Key 9: SHA-256 of the TLS key's SPKI.
    package var tlsKeyDigest: [UInt8]?
    /// Key 10: SHA-256 of a named signing key's SPKI.
    package var signingKeyDigest: [UInt8]?
    /// Key 11: that key's origin and creation in Unix seconds.
    package var signingKeyOrigin: (origin: KeyOrigin, createdAt: UInt64)?
    /// Key 12.
    package var channel: String?
    /// Key 13: head (32 bytes) and size of the decision log. Reserved: nothing here writes it yet.
    package var decisionLog: (head: [UInt8], size: UInt64)?
    /// Key 14: 48 bytes, in ceremony documents only. Reserved: nothing here writes it yet.
    package var tskCommitment: [UInt8]?

    package init(purpose: Purpose, brokerID: String, configurationDigest: [UInt8], bootID: [UInt8]) {
        self.purpose = purpose
        self.brokerID = brokerID
        self.configurationDigest = configurationDigest
        self.bootID = bootID
    }

    package static func == (a: AttestationUserData, b: AttestationUserData) -> Bool { a.encoded() == b.encoded() }
}

/// `user_data` that is not this broker's.
package struct UserDataError: Error, Equatable, Sendable {
    /// One line for people: a key number and what is wrong with it.
    package let detail: String
    package init(_ detail: String) { self.detail = detail }
}
