// SPDX-License-Identifier: Apache-2.0

/// Why a document is rejected, by a stable code: the first failure in this order.
package enum DocumentRejection: String, Error, Sendable, CaseIterable {
    case malformed = "malformed-document"
    case noChecksum = "no-checksum"
    case checksumMismatch = "checksum-mismatch"
    case hashMismatch = "hash-mismatch"
    case unsigned = "unsigned"
    case unknownAlgorithm = "unknown-algorithm"
    case noKey = "no-key"
    case signatureInvalid = "signature-invalid"
    case untrustedKey = "untrusted-key"
    case signerRevoked = "signer-revoked"
    case signerNotYetValid = "signer-not-yet-valid"
    case signerExpired = "signer-expired"
    case timeMissing = "time-missing"
    case signerNotAttested = "signer-not-attested"

    /// One line for people.
    package var explanation: String {
        switch self {
        case .malformed: "is not a document of this format"
        case .noChecksum: "names no SHA-256 checksum"
        case .checksumMismatch: "the body is not the one that the checksum is of"
        case .hashMismatch: "the hash is not the one of what it says"
        case .unsigned: "has no signature"
        case .unknownAlgorithm: "names a signature algorithm that this format does not have"
        case .noKey: "names no public key: give it with --public-key"
        case .signatureInvalid: "the signature is not this key's over what it says"
        case .untrustedKey: "the signature is right, and by a key that nothing here trusts"
        case .signerRevoked: "the signer's key is revoked"
        case .signerNotYetValid: "is dated before its signer's key is valid"
        case .signerExpired: "is dated after its signer's key was valid"
        case .timeMissing: "has no time, and its signer's key is valid for a time only"
        case .signerNotAttested:
            "the signature is right, and no attestation of the expected enclave in it names its key"
        }
    }
}
