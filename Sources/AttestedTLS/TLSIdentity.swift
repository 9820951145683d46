// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// What a TLS server presents: a key, and the certificate over it.
package struct TLSIdentity: Sendable {
    package let key: PrivateKey
    /// DER.
    package let certificate: [UInt8]

    package init(key: PrivateKey, certificate: [UInt8]) {
        self.key = key
        self.certificate = certificate
    }
}
