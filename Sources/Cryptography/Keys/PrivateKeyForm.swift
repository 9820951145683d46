// SPDX-License-Identifier: Apache-2.0

/// The structures in which DER holds a private key, told apart by how they begin. Whether the rest is in order, parsing says.
package enum PrivateKeyForm: Sendable {
    /// `PrivateKeyInfo` (RFC 5958).
    case pkcs8
    /// `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    case pkcs1
    /// `ECPrivateKey` (RFC 5915).
    case sec1
    /// `EncryptedPrivateKeyInfo` (RFC 5958).
    case encrypted

    /// Nil: none of them.
    package init?(of der: borrowing SecretBytes) {
        let form = der.withSpan { (input) -> PrivateKeyForm? in
            do {
                var outer = DERReader(0..<input.count)
                var inner = DERReader(try outer.next(input, tag: DER.sequence).content)
                let (first, second) = (try inner.next(input), try inner.next(input))
                switch (first.tag, second.tag) {
                case (DER.integer, DER.sequence): return .pkcs8
                case (DER.integer, DER.integer): return .pkcs1
                case (DER.integer, DER.octetString): return .sec1
                case (DER.sequence, DER.octetString): return .encrypted
                default: return nil
                }
            } catch {
                return nil
            }
        }
        guard let form else { return nil }
        self = form
    }
}
