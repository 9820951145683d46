// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// Access keys as the broker makes them: of the form that AWS SDKs expect, and never AWS's own.
package enum AccessKey {
    /// Where AWS's have `AKIA`: what is seen in a log or a repository names its origin.
    static let prefix = "KBAK"
    /// As long as AWS's.
    static let idLength = 20
    static let secretLength = 40

    private static let idAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    /// The 64 characters of base64 (RFC 4648 section 4).
    private static let secretAlphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    /// 80 random bits in base32.
    package static func makeID(random: RandomSource) throws(CryptographyError) -> String {
        let bytes = try random(idLength - prefix.utf8.count)
        return prefix + String(decoding: bytes.map { idAlphabet[Int($0 & 31)] }, as: UTF8.self)
    }

    /// 240 random bits, from locked memory into locked memory.
    package static func makeSecret() throws(CryptographyError) -> SharedSecret {
        let random = try SecretBytes.random(count: secretLength)
        let secret = try SecretBytes(count: secretLength) { (target) throws(CryptographyError) in
            random.withBytes { source in
                for offset in 0..<secretLength {
                    let byte = unsafe source.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                    target.storeBytes(of: secretAlphabet[Int(byte & 63)], toByteOffset: offset, as: UInt8.self)
                }
            }
        }
        return SharedSecret(secret)
    }
}
