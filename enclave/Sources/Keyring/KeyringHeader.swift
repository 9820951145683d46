// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import CBOR
import COSE

/// What the protected header of a sealed keyring says. Read from a keyring that was not opened, these are claims.
package struct KeyringHeader: Sendable, Equatable {
    /// Bytes of a digest and of a commitment: SHA-384.
    package static let digestLength = 48
    package static let bootIDLength = 16
    /// What stands for the previous digest in version 1.
    package static let noPreviousDigest = [UInt8](repeating: 0, count: digestLength)

    package var keyringID: String
    /// From 1, each store adds one.
    package var version: UInt64
    /// Digest of the version before; 48 zero bytes in version 1.
    package var previousDigest: [UInt8]
    /// Boot id of the enclave that wrote this version; 16 zero bytes when it was made offline.
    package var writerBootID: [UInt8]

    /// The writer of a keyring that was made offline.
    package static let offlineWriter = [UInt8](repeating: 0, count: bootIDLength)

    package init(
        keyringID: String,
        version: UInt64 = 1,
        previousDigest: [UInt8] = KeyringHeader.noPreviousDigest,
        writerBootID: [UInt8] = KeyringHeader.offlineWriter
    ) {
        self.keyringID = keyringID
        self.version = version
        self.previousDigest = previousDigest
        self.writerBootID = writerBootID
    }

    /// COSE labels. RFC 9052 section 3.1 leaves integers below -65536 to private use; these are the product's own.
    enum Label {
        static let keyringID = CBORValue.integer(-70_001)
        static let version = CBORValue.integer(-70_002)
        static let previousDigest = CBORValue.integer(-70_003)
        static let writerBootID = CBORValue.integer(-70_004)
        static let sealCommitment = CBORValue.integer(-70_005)
    }

    /// The map to protect; COSE adds the algorithm.
    func map(sealCommitment: [UInt8]) -> CBORMap {
        CBORMap([
            (Label.keyringID, .text(keyringID)),
            (Label.version, .unsigned(version)),
            (Label.previousDigest, .bytes(previousDigest)),
            (Label.writerBootID, .bytes(writerBootID)),
            (Label.sealCommitment, .bytes(sealCommitment)),
        ])
    }

    /// Reads the map: exactly these labels and the algorithm, with the right types and lengths.
    static func parse(_ map: CBORMap) throws(KeyringError) -> (header: KeyringHeader, sealCommitment: [UInt8]) {
        guard map.entries.count == 6 else { throw .malformed("protected header does not have six members") }
        guard map[COSEHeader.algorithm] == .integer(COSEAlgorithm.a256GCM.rawValue) else {
            throw .malformed("algorithm is not A256GCM")
        }
        guard case .text(let id) = map[Label.keyringID], BrokerIdentifier.isValid(id) else {
            throw .malformed("keyring id")
        }
        guard case .unsigned(let version) = map[Label.version], version >= 1, version <= UInt64(Int64.max) else {
            throw .malformed("version")
        }
        guard case .bytes(let previous) = map[Label.previousDigest], previous.count == digestLength,
            version > 1 || previous == noPreviousDigest
        else { throw .malformed("previous digest") }
        guard case .bytes(let writer) = map[Label.writerBootID], writer.count == bootIDLength else {
            throw .malformed("writer's boot id")
        }
        guard case .bytes(let commitment) = map[Label.sealCommitment], commitment.count == digestLength else {
            throw .malformed("seal commitment")
        }
        let header = KeyringHeader(
            keyringID: id,
            version: version,
            previousDigest: previous,
            writerBootID: writer
        )
        return (header, commitment)
    }
}
