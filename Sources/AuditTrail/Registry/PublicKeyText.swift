// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Encoding

/// Public keys as people paste them.
package enum PublicKeyText: Sendable {
    /// RFC 8410 section 4: the SPKI of an Ed25519 key, up to its 32 bytes.
    static let ed25519Prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]

    /// PEM, base64 of an SPKI, or base64 of the 32 bytes of an Ed25519 key; nil for anything else.
    package static func parse(_ text: String) -> PublicKey? {
        if let key = try? PublicKey(pem: text) { return key }
        let spaces: Set<Character> = [" ", "\n", "\r", "\t", "\r\n"]
        guard let bytes = try? Base64.decode(String(text.filter { !spaces.contains($0) })) else { return nil }
        return bytes.count == 32 ? ed25519(bytes) : try? PublicKey(spki: bytes)
    }

    /// The key of 32 bytes.
    package static func ed25519(_ bytes: [UInt8]) -> PublicKey? {
        bytes.count == 32 ? try? PublicKey(spki: ed25519Prefix + bytes) : nil
    }

    /// The 32 bytes of an Ed25519 key.
    package static func raw(_ key: PublicKey) -> [UInt8]? {
        key.algorithm == .ed25519 ? Array(key.spki.suffix(32)) : nil
    }
}
