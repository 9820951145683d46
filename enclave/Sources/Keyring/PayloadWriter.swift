// SPDX-License-Identifier: Apache-2.0

import CBOR
import Cryptography

/// Writes what is sealed: deterministic CBOR `[view, [secret, …]]`, `view` the public view's bytes in a byte string,
/// each secret a byte string, in the order of keys, principals, TLS identity.
///
/// Secrets stand apart from the view so that they go from locked memory to locked memory: no array ever holds one, and
/// the digest of a keyring is taken of the very bytes that were sealed.
enum PayloadWriter {
    static func payload(view: [UInt8], secrets: [SharedSecret]) throws(KeyringError) -> SecretBytes {
        var opening = CBORWriter()
        opening.arrayHeader(2)
        opening.byteString(view)
        opening.arrayHeader(secrets.count)
        var pieces: [(head: [UInt8], secret: SharedSecret)] = []
        var count = opening.bytes.count
        for secret in secrets {
            guard secret.bytes.count <= KeyringLimits.secretLength else { throw .limitExceeded("secretLength") }
            let head = Self.byteStringHead(secret.bytes.count)
            pieces.append((head, secret))
            count += head.count + secret.bytes.count
        }
        guard count <= KeyringLimits.sealedLength else { throw .limitExceeded("sealedLength") }
        do {
            return try SecretBytes(count: count) { (target) throws(CryptographyError) in
                var offset = 0
                unsafe opening.bytes.withUnsafeBytes { source in unsafe target.write(source, at: &offset) }
                for piece in pieces {
                    unsafe piece.head.withUnsafeBytes { source in unsafe target.write(source, at: &offset) }
                    piece.secret.bytes.withBytes { span in
                        unsafe span.withUnsafeBytes { source in unsafe target.write(source, at: &offset) }
                    }
                }
            }
        } catch {
            throw .cryptography(error)
        }
    }

    /// The head of a byte string (RFC 8949 section 3), shortest form; at most ``KeyringLimits/secretLength``.
    private static func byteStringHead(_ count: Int) -> [UInt8] {
        switch count {
        case 0..<24: [0x40 | UInt8(truncatingIfNeeded: count)]
        case 24..<256: [0x58, UInt8(truncatingIfNeeded: count)]
        default: [0x59, UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
        }
    }
}

extension MutableRawSpan {
    /// Copies `source` to `offset`, which moves past it. What does not fit is a mistake of the caller's sum: nothing is
    /// written beyond the end.
    @unsafe mutating fileprivate func write(_ source: UnsafeRawBufferPointer, at offset: inout Int) {
        unsafe withUnsafeMutableBytes { target in
            guard source.count <= target.count - offset else { return }
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: source)
        }
        offset += source.count
    }
}
