// SPDX-License-Identifier: Apache-2.0

import COpenSSL

enum Library: Sendable {
    /// True after OpenSSL was set up without configuration files: neither `openssl.cnf` nor `OPENSSL_CONF` may load a
    /// provider or change which algorithms there are. Asked for wherever OpenSSL may be used first.
    static let isReady: Bool = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_LOAD_CONFIG), nil) == 1

    static func setUp() {
        guard isReady else { isUnusable("start") }
    }

    /// Ends the process where OpenSSL can only fail for want of memory, once ``LibraryCheck`` has passed, and the caller has
    /// no way to go on. No input leads here.
    static func isUnusable(_ what: StaticString) -> Never {
        fatalError("libcrypto cannot \(what)")
    }
}
