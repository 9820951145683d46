// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// OpenSSL's random generator, seeded by the kernel and by what the security module adds.
package enum SecureRandom: Sendable {
    /// Random bytes for public use: nonces, ids. Secrets come from `SecretBytes.random`.
    package static func bytes(count: Int) throws(CryptographyError) -> [UInt8] {
        guard count >= 0, let size = Int32(exactly: count) else { throw CryptographyError(.invalidLength) }
        Library.setUp()
        var isFilled = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            isFilled = unsafe size == 0 || RAND_bytes(buffer.baseAddress, size) == 1
            written = isFilled ? count : 0
        }
        guard isFilled else { throw .library() }
        return bytes
    }

    /// Mixes entropy into the generator, which reseeds from the kernel at the same time.
    package static func add(entropy: [UInt8]) {
        Library.setUp()
        guard let count = Int32(exactly: entropy.count) else { return }
        unsafe RAND_add(entropy, count, Double(count))
        ERR_clear_error()
    }
}

/// A source of random bytes, so that whoever needs them is given one.
package typealias RandomSource = @Sendable (_ count: Int) throws(CryptographyError) -> [UInt8]
