// SPDX-License-Identifier: Apache-2.0

/// What no retry mends: the enclave is failed until restart.
package struct TerminalFailure: Error, Equatable, Sendable {
    /// Stable codes.
    package enum Code: String, Sendable, CaseIterable {
        /// The security module refused or is not there.
        case securityModule = "security-module"
        case cryptography = "cryptography"
        case configuration = "configuration-invalid"
        /// PCR0, PCR1 or PCR2 is zero: nothing about the image is attested.
        case debugMode = "debug-mode"
        /// The envelope, the TSK in it, or its match with the commitment: deliberately one code for all of it.
        case tsk = "tsk-not-accepted"
        case keyringMalformed = "keyring-malformed"
        case keyringID = "keyring-id"
        case keyringSeal = "keyring-seal"
        case keyringContents = "keyring-contents"
        /// Below the configuration's floor.
        case keyringVersion = "keyring-version"
        /// The host refused a new version of the keyring: it has another one.
        case keyringConflict = "keyring-conflict"
    }

    package let code: Code
    /// One line for people: public values only.
    package let detail: String

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }
}

/// What may mend by itself, or by somebody else's hand: the enclave stays in its state and tries again.
package struct RetryableFailure: Error, Equatable, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case relay = "relay-unavailable"
        case noKeyring = "no-keyring-stored"
        /// KMS answered with an error, or not as KMS.
        case kms = "kms-decrypt-failed"
    }

    package let code: Code
    package let detail: String

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }
}

/// Either of the two.
enum BootFailure: Error, Sendable {
    case terminal(TerminalFailure)
    case retryable(RetryableFailure)
}
