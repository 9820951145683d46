// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import CBOR
import KMSProtocol

/// What a keyring may hold at most. The numbers are this product's: they bound what an enclave parses and locks.
package enum KeyringLimits: Sendable {
    /// Bytes of a sealed keyring, and so of what the relay may answer. Room for the keys and principals below with
    /// policies of ordinary length.
    package static let sealedLength = 1 << 20
    package static let keys = 512
    package static let principals = 256
    package static let aliasesPerKey = KMSLimits.aliasesPerKey
    /// IAM policies of one principal (AWS IAM quota: 10 attached policies, 20 at most).
    package static let policiesPerPrincipal = 20
    /// Bytes of one policy text (AWS KMS quota for key policies: 32 KB).
    package static let policyLength = 32_768
    /// Bytes of one secret: an RSA-4096 key in PKCS#8 has about 2400.
    package static let secretLength = 4096
    /// Bytes of the protected header: two identifiers of 64 bytes and two digests of 48, with room for their heads.
    static let protectedHeaderLength = 512

    static let protectedHeader = CBORLimits(
        totalLength: protectedHeaderLength,
        depth: 2,
        items: 16,
        stringLength: BrokerIdentifier.maximumLength
    )

    /// The outer message: array, tag and flat headers.
    static let envelope = CBORLimits(totalLength: sealedLength, depth: 4, items: 32, stringLength: sealedLength)
    /// The public view: a map of arrays of maps of arrays. A key has 14 members, four items for each alias, two for each
    /// tag; a principal has six members.
    static let view = CBORLimits(
        totalLength: sealedLength,
        depth: 6,
        items: 64 + keys * (40 + aliasesPerKey * 8 + KMSLimits.tags * 2) + principals * 64,
        stringLength: policyLength
    )
}
