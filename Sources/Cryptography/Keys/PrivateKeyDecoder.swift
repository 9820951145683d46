// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// OpenSSL's decoder of PKCS#8 for one kind of key. Putting one together takes OpenSSL 3 thirty times as long as decoding
/// with it, so that they are kept: a keyring has hundreds of keys.
@safe
final class PrivateKeyDecoder: @unchecked Sendable {  // One owner at a time: out of the pool, or in it.
    private static let rsa = ContextPool<PrivateKeyDecoder>()
    private static let ec = ContextPool<PrivateKeyDecoder>()

    private let context: OpaquePointer
    /// Where the context puts what it decoded. Ours for as long as the context lives, and null between calls.
    private let place: UnsafeMutablePointer<OpaquePointer?>

    /// Decodes a whole PrivateKeyInfo of the kind that its AlgorithmIdentifier was found to name; nil if OpenSSL refuses it.
    static func decode(_ pkcs8: borrowing SecretBytes, _ algorithm: KeyAlgorithm) throws(CryptographyError)
        -> KeyHandle?
    {
        let pool: ContextPool<PrivateKeyDecoder>
        let type: String
        switch algorithm {
        case .rsa: (pool, type) = (rsa, "RSA")
        case .ec: (pool, type) = (ec, "EC")
        case .ed25519: return nil
        }
        let decoder = if let kept = pool.take() { kept } else { try PrivateKeyDecoder(type) }
        defer { pool.keep(decoder) }
        return decoder.decode(pkcs8)
    }

    private init(_ type: String) throws(CryptographyError) {
        _ = LockedMemory.isArenaLocked  // OpenSSL puts private numbers there once it exists.
        let place = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: 1)
        unsafe place.initialize(to: nil)
        guard let context = unsafe kb_private_key_decoder(place, type) else {
            unsafe place.deallocate()
            throw .library()
        }
        unsafe self.place = place
        unsafe self.context = context
    }

    private func decode(_ pkcs8: borrowing SecretBytes) -> KeyHandle? {
        var left = pkcs8.count
        let isDecoded = unsafe pkcs8.withPointer { start in
            var position: UnsafePointer<UInt8>? = unsafe start
            return unsafe OSSL_DECODER_from_data(context, &position, &left) == 1
        }
        let key = unsafe place.pointee
        unsafe place.pointee = nil
        guard let key = unsafe key else { return nil }
        let handle = unsafe KeyHandle(owning: key)
        return isDecoded && left == 0 ? handle : nil
    }

    deinit {
        unsafe OSSL_DECODER_CTX_free(context)
        unsafe place.deallocate()
    }
}
