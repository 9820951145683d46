// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import TestSupport

/// The bytes of hexadecimal text, white space ignored.
func hex(_ text: String) throws -> [UInt8] {
    try Hex.decode(text.filter { !$0.isWhitespace })
}

func secret(_ bytes: [UInt8]) throws -> SecretBytes {
    try SecretBytes(copying: bytes)
}

/// A copy outside of locked memory.
func exposed(_ secret: borrowing SecretBytes) -> [UInt8] {
    secret.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
}

/// The code of what `body` throws; nil if it throws nothing.
func code(_ body: () throws(CryptographyError) -> Void) -> CryptographyError.Code? {
    do {
        try body()
        return nil
    } catch {
        return error.code
    }
}

/// Keys of every kind with a scheme of theirs.
let kinds: [(algorithm: KeyAlgorithm, scheme: SignatureScheme)] = [
    (.ed25519, .ed25519),
    (.ec(.p256), .ecdsa(.sha256)),
    (.ec(.p384), .ecdsa(.sha384)),
    (.ec(.p521), .ecdsa(.sha512)),
    (.ec(.secp256k1), .ecdsa(.sha256)),
    (.rsa(bits: 2048), .rsaPKCS1(.sha256)),
    (.rsa(bits: 2048), .rsaPSS(.sha384)),
    (.rsa(bits: 3072), .rsaPSS(.sha512)),
]

/// Made once: RSA keys take long to make.
enum TestKeys {
    static let rsa = Result { () throws(CryptographyError) in try PrivateKey.generate(.rsa(bits: 2048)) }
    static let rsa3072 = Result { () throws(CryptographyError) in try PrivateKey.generate(.rsa(bits: 3072)) }

    static func key(_ algorithm: KeyAlgorithm) throws -> PrivateKey {
        switch algorithm {
        case .rsa(bits: 2048): try rsa.get()
        case .rsa(bits: 3072): try rsa3072.get()
        default: try PrivateKey.generate(algorithm)
        }
    }
}
