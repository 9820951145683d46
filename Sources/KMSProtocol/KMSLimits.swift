// SPDX-License-Identifier: Apache-2.0

/// Limits of the API's members, from the KMS service model (botocore, `kms/2014-11-01`) unless a comment says otherwise.
/// Blobs are counted in decoded bytes, texts in Unicode scalars.
package enum KMSLimits {
    package static let keyID = 1...2048
    /// PlaintextType: `Message`, `Plaintext`. The guide says 0; KMS refuses an empty one.
    package static let plaintext = 1...4096
    /// CiphertextType: `CiphertextBlob`, `Signature`, `Mac`.
    package static let ciphertext = 1...6144
    package static let grantTokens = 10
    package static let grantToken = 1...8192
    package static let attestationDocument = 1...262_144
    package static let numberOfBytes: ClosedRange<Int64> = 1...1024
    package static let aliasName = 1...256
    package static let marker = 1...1024
    package static let limit: ClosedRange<Int64> = 1...1000
    /// ListAliases (API Reference): "This value is optional. If you include a value, it must be between 1 and 100".
    package static let listAliasesMaximum = 100
    /// ListAliases (API Reference): "If you do not include a value, it defaults to 50."
    package static let listAliasesDefault = 50
    package static let policy = 1...131_072
    /// "Key policy document size", Resource quotas (Developer Guide): 32 KB.
    package static let enforcedPolicyLength = 32 * 1024
    package static let policyName = 1...128
    package static let description = 0...8192
    /// ScheduleKeyDeletion (API Reference): "If you include a value, it must be between 7 and 30, inclusive."
    package static let pendingWindowInDays: ClosedRange<Int64> = 7...30
    /// ScheduleKeyDeletion (API Reference): "If you do not include a value, it defaults to 30."
    package static let pendingWindowDefault = 30
    package static let customKeyStoreID = 1...64
    package static let xksKeyID = 1...128
    package static let tagKey = 1...128
    package static let tagValue = 0...256
    /// "Aliases per KMS key", Resource quotas (Developer Guide).
    package static let aliasesPerKey = 50
    /// Tags on a key: tagging limits (AWS General Reference).
    package static let tags = 50

    // AWS documents no limit for the following; a program that takes them from strangers needs one.

    /// Bytes of a request body: an attestation document of the greatest length in base64, and room for the rest.
    package static let requestBody = 1 << 20
    /// Nested arrays and objects in a request: the deepest modelled one has three.
    package static let requestDepth = 16
    /// Bytes of the names and values of an encryption context together.
    package static let encryptionContext = 8192
    /// Characters of a refused value that an error message repeats.
    package static let echoedValue = 2048
    /// Bytes of an `X-Amz-Target` header.
    package static let target = 128
    /// Bytes of an error body that a client reads.
    package static let errorBody = 1 << 16
}
