// SPDX-License-Identifier: Apache-2.0

// The errors of KMS in its own words, so that clients that match on them go on working.

extension KMSError {
    package static func validation(_ message: String?) -> KMSError { KMSError("ValidationException", message) }

    /// `1 validation error detected: …; …`
    static func constraints(_ violations: [String]) -> KMSError {
        let count = violations.count == 1 ? "1 validation error" : "\(violations.count) validation errors"
        return .validation("\(count) detected: " + violations.joined(separator: "; "))
    }

    package static func serialization(_ message: String?) -> KMSError { KMSError("SerializationException", message) }

    package static let unknownOperation = KMSError("UnknownOperationException")

    package static func accessDenied(_ message: String) -> KMSError { KMSError("AccessDeniedException", message) }

    // MARK: Finding keys

    package static func keyNotFound(arn: String) -> KMSError {
        KMSError("NotFoundException", "Key '\(arn)' does not exist")
    }

    package static func aliasNotFound(arn: String) -> KMSError {
        KMSError("NotFoundException", "Alias \(arn) is not found.")
    }

    /// A text that names no key in any form.
    package static func invalidKeyID(_ text: String) -> KMSError {
        KMSError("NotFoundException", "Invalid keyId '\(text)'")
    }

    // MARK: State and usage

    package static func disabled(arn: String) -> KMSError { KMSError("DisabledException", "\(arn) is disabled.") }

    package static func pendingDeletion(arn: String) -> KMSError {
        KMSError("KMSInvalidStateException", "\(arn) is pending deletion.")
    }

    /// CancelKeyDeletion of a key that nobody is about to delete (Developer Guide, "Key states of AWS KMS keys").
    package static func notPendingDeletion(arn: String) -> KMSError {
        KMSError("KMSInvalidStateException", "\(arn) is not pending deletion.")
    }

    package static func usageInvalid(arn: String, usage: KeyUsage, operation: String) -> KMSError {
        KMSError(
            "InvalidKeyUsageException",
            "\(arn) key usage is \(usage.rawValue) which is not valid for \(operation)."
        )
    }

    package static func algorithmIncompatible(_ algorithm: String, with spec: KeySpec) -> KMSError {
        KMSError(
            "InvalidKeyUsageException",
            "Algorithm \(algorithm) is incompatible with key spec \(spec.rawValue)."
        )
    }

    package static func messageTypeIncompatible(_ type: MessageType, with spec: KeySpec) -> KMSError {
        .validation("Message type \(type.rawValue) is incompatible with key spec \(spec.rawValue).")
    }

    package static func messageTypeIncompatible(_ type: MessageType, with algorithm: SigningAlgorithm) -> KMSError {
        .validation("Message type \(type.rawValue) is incompatible with algorithm \(algorithm.rawValue).")
    }

    package static func digestLengthInvalid(for algorithm: SigningAlgorithm) -> KMSError {
        .validation("Digest is invalid length for algorithm \(algorithm.rawValue).")
    }

    /// CreateKey without KeyUsage for a spec that has no default.
    package static let keyUsageMissing = KMSError.validation(
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
    )

    /// GetPublicKey on a symmetric key: no message.
    package static let noPublicKey = KMSError("UnsupportedOperationException")

    // MARK: Outcomes

    package static let invalidSignature = KMSError("KMSInvalidSignatureException")
    package static let invalidMAC = KMSError("KMSInvalidMacException")
    package static let invalidCiphertext = KMSError("InvalidCiphertextException")
    package static let dryRunSucceeded = KMSError(
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set."
    )
    package static let throttled = KMSError(
        "ThrottlingException",
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    )
}
