// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Whether OpenSSL has what nothing here can do without.
package enum LibraryCheck: Sendable {
    /// Looks for every algorithm whose absence could not be answered where it is used. After that only want of memory is
    /// left to end a process.
    ///
    /// - Throws: `libraryFailure` if OpenSSL cannot be set up, lacks an algorithm, or has no randomness.
    package static func run() throws(CryptographyError) {
        guard Library.isReady else { throw .library() }
        for algorithm in HashAlgorithm.allCases {
            guard let digest = unsafe EVP_MD_fetch(nil, algorithm.opensslName, nil) else { throw .library() }
            unsafe EVP_MD_free(digest)
        }
        guard let mac = unsafe EVP_MAC_fetch(nil, "HMAC", nil) else { throw .library() }
        unsafe EVP_MAC_free(mac)
        guard let cipher = unsafe EVP_CIPHER_fetch(nil, "AES-256-GCM", nil) else { throw .library() }
        unsafe EVP_CIPHER_free(cipher)
        guard RAND_status() == 1 else { throw .library() }
    }
}
