// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// What failed, by code. OpenSSL's own text stays out of it: it may quote input.
package struct CryptographyError: Error, Equatable, Sendable {
    package enum Code: String, Sendable {
        case malformedKey = "malformed-key"
        case unsupportedKey = "unsupported-key"
        case invalidLength = "invalid-length"
        case authenticationFailed = "authentication-failed"
        case malformedCertificate = "malformed-certificate"
        case schemeMismatch = "scheme-mismatch"
        /// OpenSSL refused something that cannot depend on input: out of memory (locked memory above all) or
        /// entropy.
        case libraryFailure = "library-failure"
    }

    package let code: Code

    package init(_ code: Code) {
        self.code = code
    }

    /// After a call into OpenSSL failed: empties this thread's error queue, so that nothing of it is read later.
    static func library(_ code: Code = .libraryFailure) -> CryptographyError {
        ERR_clear_error()
        return CryptographyError(code)
    }
}
