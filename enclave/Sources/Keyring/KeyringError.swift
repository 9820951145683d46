// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// Why a keyring is not made, sealed or opened. Carries names, never contents.
package enum KeyringError: Error, Equatable, Sendable {
    /// A TSK has exactly 32 bytes.
    case invalidKeyLength
    /// Not the COSE_Encrypt0 with the protected header that keyrings have. What is wrong, in one line.
    case malformed(String)
    /// The protected header names another keyring.
    case wrongKeyring
    /// Sealed under another TSK, KMS key or version: the commitment in the protected header differs.
    case wrongKey
    /// The commitment holds and the ciphertext does not open.
    case doesNotOpen
    /// What was opened is not a keyring of this format. What is wrong, in one line.
    case malformedContents(String)
    /// More than a limit of ``KeyringLimits`` allows: its name.
    case limitExceeded(String)
    case cryptography(CryptographyError)
}

extension KeyringError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidKeyLength: "the TSK does not have 32 bytes"
        case .malformed(let detail): "not a sealed keyring: \(detail)"
        case .wrongKeyring: "the sealed keyring has another id"
        case .wrongKey: "the keyring is sealed under another TSK, KMS key or version"
        case .doesNotOpen: "the sealed keyring does not open: it was altered"
        case .malformedContents(let detail): "the keyring's contents are not as this format asks: \(detail)"
        case .limitExceeded(let name): "the keyring exceeds the limit \(name)"
        case .cryptography(let error): "cryptography failed: \(error.code.rawValue)"
        }
    }
}
