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

/// An HMAC key that authenticates again and again: what depends on the key alone is computed once.
///
/// The key's state is in OpenSSL's memory, which wipes it when the last context goes.
package final class HMACKey: Sendable {
    private let algorithm: HashAlgorithm
    private let prototype: HMACContext
    private let pool = ContextPool<HMACContext>()

    /// Copies `key`; the caller wipes its own.
    package init(_ algorithm: HashAlgorithm, _ key: [UInt8]) {
        self.algorithm = algorithm
        prototype = HMACContext(algorithm, key)
    }

    package func authenticate(_ message: [UInt8]) -> [UInt8] {
        let context = pool.take() ?? prototype.copy()
        defer { pool.keep(context) }
        return context.authenticate(message, length: algorithm.digestLength)
    }
}

@safe
private final class HMACContext: @unchecked Sendable {  // One owner at a time; a prototype is only copied from.
    private let pointer: OpaquePointer

    private init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    init(_ algorithm: HashAlgorithm, _ key: [UInt8]) {
        guard let pointer = unsafe EVP_MAC_CTX_dup(HMACPrototype.of(algorithm).context),
            unsafe EVP_MAC_init(pointer, key, key.count, nil) == 1
        else { Library.isUnusable("authenticate") }
        unsafe self.pointer = pointer
    }

    func copy() -> HMACContext {
        guard let copy = unsafe EVP_MAC_CTX_dup(pointer) else { Library.isUnusable("authenticate") }
        return unsafe HMACContext(owning: copy)
    }

    /// Without a key EVP_MAC_init begins anew with the last one (EVP_MAC(3)).
    func authenticate(_ message: [UInt8], length: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            guard unsafe EVP_MAC_init(pointer, nil, 0, nil) == 1,
                unsafe EVP_MAC_update(pointer, message, message.count) == 1,
                unsafe EVP_MAC_final(pointer, output.baseAddress, &count, length) == 1
            else { Library.isUnusable("authenticate") }
        }
    }

    deinit {
        unsafe EVP_MAC_CTX_free(pointer)
    }
}

@safe
private struct HMACPrototype: @unchecked Sendable {  // The context is only copied from after it was made.
    let context: OpaquePointer

    private init(_ algorithm: HashAlgorithm) {
        Library.setUp()
        guard let mac = unsafe EVP_MAC_fetch(nil, "HMAC", nil), let context = unsafe EVP_MAC_CTX_new(mac) else {
            Library.isUnusable("authenticate")
        }
        unsafe EVP_MAC_free(mac)
        // In C: parameters keep pointers to their names, which must not be Swift's temporary copies.
        guard unsafe kb_mac_set_digest(context, algorithm.opensslName) == 1 else { Library.isUnusable("authenticate") }
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
