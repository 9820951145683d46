// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import CPlatform

/// Secret bytes: in locked memory, wiped when they go, without description or copy.
///
/// What OpenSSL copies internally is outside this guarantee.
@safe
package struct SecretBytes: ~Copyable, Sendable {
    private let memory: LockedMemory

    package var count: Int { unsafe memory.buffer.count }

    /// Copies `bytes`; the caller wipes its own.
    ///
    /// - Throws: `libraryFailure` when no more memory may be locked.
    package init(copying bytes: RawSpan) throws(CryptographyError) {
        memory = try LockedMemory(count: bytes.byteCount)
        let target = unsafe memory.buffer
        unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
    }

    /// Copies `bytes`; the caller wipes its own.
    ///
    /// - Throws: `libraryFailure` when no more memory may be locked.
    package init(copying bytes: [UInt8]) throws(CryptographyError) {
        unsafe try self.init(copying: bytes.span.bytes)
    }

    /// `count` bytes, zero at first, that `body` fills.
    ///
    /// - Throws: `libraryFailure` when no more memory may be locked, and what `body` throws.
    package init(count: Int, filledBy body: (inout MutableRawSpan) throws(CryptographyError) -> Void)
        throws(CryptographyError)
    {
        let fresh = try LockedMemory(count: count)
        let target = unsafe fresh.buffer
        var span = unsafe target.mutableBytes
        try body(&span)
        memory = fresh
    }

    /// Copies `bytes` and wipes the array (if it is uniquely referenced, nothing of it stays), also when it throws.
    ///
    /// - Throws: `libraryFailure` when no more memory may be locked.
    package init(movingFrom bytes: inout [UInt8]) throws(CryptographyError) {
        defer { wipe(&bytes) }
        try self.init(copying: bytes)
    }

    /// `count` bytes, zero at first, that `body` fills through a pointer, for OpenSSL.
    init(count: Int, filledThrough body: (UnsafeMutableRawBufferPointer) throws(CryptographyError) -> Void)
        throws(CryptographyError)
    {
        let fresh = try LockedMemory(count: count)
        unsafe try body(fresh.buffer)
        memory = fresh
    }

    /// At most `capacity` bytes, as many as `body` says that it wrote.
    init(capacity: Int, filledThrough body: (UnsafeMutableRawBufferPointer) throws(CryptographyError) -> Int)
        throws(CryptographyError)
    {
        let scratch = try LockedMemory(count: capacity)
        let written = unsafe try body(scratch.buffer)
        guard written >= 0, written <= capacity else { throw CryptographyError(.libraryFailure) }
        unsafe try self.init(count: written) { (target: UnsafeMutableRawBufferPointer) throws(CryptographyError) in
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: scratch.buffer[..<written]))
        }
    }

    /// Fresh random bytes, of OpenSSL's generator for private values.
    package static func random(count: Int) throws(CryptographyError) -> SecretBytes {
        unsafe try SecretBytes(count: count) { (target: UnsafeMutableRawBufferPointer) throws(CryptographyError) in
            guard
                unsafe RAND_priv_bytes(target.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(target.count))
                    == 1
            else { throw .library() }
        }
    }

    /// Lends the bytes. What copies them out of the closure takes over the duty to wipe.
    package borrowing func withBytes<R: ~Copyable, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        unsafe try body(UnsafeRawBufferPointer(memory.buffer).bytes)
    }

    /// Lends the bytes with subscripts.
    borrowing func withSpan<R: ~Copyable, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        unsafe try body(memory.buffer.assumingMemoryBound(to: UInt8.self).span)
    }

    /// Lends the address, which is never null, for OpenSSL.
    borrowing func withPointer<R: ~Copyable, E: Error>(_ body: (UnsafePointer<UInt8>) throws(E) -> R) throws(E) -> R {
        guard let start = unsafe memory.buffer.baseAddress else { Library.isUnusable("allocate") }
        return unsafe try body(UnsafePointer(start.assumingMemoryBound(to: UInt8.self)))
    }

    package borrowing func copy() throws(CryptographyError) -> SecretBytes {
        try withBytes { (bytes) throws(CryptographyError) in try SecretBytes(copying: bytes) }
    }

    /// Constant time in the contents.
    package borrowing func equals(_ other: borrowing SecretBytes) -> Bool {
        let count = count
        guard count == other.count else { return false }
        return unsafe withPointer { mine in
            unsafe other.withPointer { theirs in unsafe CRYPTO_memcmp(mine, theirs, count) == 0 }
        }
    }

    /// Constant time in the contents.
    package borrowing func equals(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return unsafe withPointer { mine in unsafe CRYPTO_memcmp(mine, other, other.count) == 0 }
    }
}

/// A reference to secret bytes, for holders that are copied.
package final class SharedSecret: Sendable {
    package let bytes: SecretBytes
    package init(_ bytes: consuming SecretBytes) { self.bytes = bytes }
}

/// Overwrites the array's storage with zeros, if it is uniquely referenced.
package func wipe(_ bytes: inout [UInt8]) {
    unsafe bytes.withUnsafeMutableBytes { buffer in
        if let start = buffer.baseAddress { unsafe kb_wipe(start, buffer.count) }
    }
}

/// Compares two public or secret byte strings without a branch on their contents.
package func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return unsafe CRYPTO_memcmp(a, b, a.count) == 0
}
