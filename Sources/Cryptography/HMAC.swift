// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// HMAC (RFC 2104).
package enum HMAC: Sendable {
    package static func authenticate(
        _ algorithm: HashAlgorithm,
        key: borrowing SecretBytes,
        message: [UInt8]
    ) -> [UInt8] {
        let count = key.count
        return unsafe key.withPointer { unsafe authenticate(algorithm, key: $0, keyCount: count, message: message) }
    }

    /// For keys that are derived and short-lived (SigV4's chain).
    package static func authenticate(_ algorithm: HashAlgorithm, key: [UInt8], message: [UInt8]) -> [UInt8] {
        unsafe authenticate(algorithm, key: key, keyCount: key.count, message: message)
    }

    private static func authenticate(
        _ algorithm: HashAlgorithm,
        key: UnsafePointer<UInt8>,
        keyCount: Int,
        message: [UInt8]
    ) -> [UInt8] {
        // Copying a context that knows its hash is faster than naming the hash to a new one.
        guard let context = unsafe EVP_MAC_CTX_dup(HMACPrototype.of(algorithm).context) else {
            Library.isUnusable("authenticate")
        }
        defer { unsafe EVP_MAC_CTX_free(context) }
        let length = algorithm.digestLength
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            guard unsafe EVP_MAC_init(context, key, keyCount, nil) == 1,
                unsafe EVP_MAC_update(context, message, message.count) == 1,
                unsafe EVP_MAC_final(context, output.baseAddress, &count, length) == 1
            else { Library.isUnusable("authenticate") }
        }
    }
}

@safe
private struct HMACPrototype: @unchecked Sendable {  // The context is only copied from after it was made.
    let context: OpaquePointer

    private init(_ algorithm: HashAlgorithm) {
        Library.setUp()
        var name = Array(algorithm.opensslName.utf8CString)
        guard let mac = unsafe EVP_MAC_fetch(nil, "HMAC", nil), let context = unsafe EVP_MAC_CTX_new(mac) else {
            Library.isUnusable("authenticate")
        }
        unsafe EVP_MAC_free(mac)
        let isSet = unsafe name.withUnsafeMutableBufferPointer { name in
            let parameters = unsafe [
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.baseAddress, 0),
                OSSL_PARAM_construct_end(),
            ]
            return unsafe EVP_MAC_CTX_set_params(context, parameters) == 1
        }
        guard isSet else { Library.isUnusable("authenticate") }
        unsafe self.context = context
    }

    private static let sha1 = HMACPrototype(.sha1)
    private static let sha224 = HMACPrototype(.sha224)
    private static let sha256 = HMACPrototype(.sha256)
    private static let sha384 = HMACPrototype(.sha384)
    private static let sha512 = HMACPrototype(.sha512)

    static func of(_ algorithm: HashAlgorithm) -> HMACPrototype {
        switch algorithm {
        case .sha1: sha1
        case .sha224: sha224
        case .sha256: sha256
        case .sha384: sha384
        case .sha512: sha512
        }
    }
}
