// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import CPlatform
import Glibc

/// Memory that is never paged out nor dumped, zero at first, wiped when it goes.
///
/// Small pieces come from OpenSSL's secure heap: one arena between guard pages, locked once. Larger ones, and all when
/// the arena is full, are mapped and locked by themselves. Memory that cannot be locked is not given out: better no
/// service than a secret on a disk.
@safe
struct LockedMemory: ~Copyable, @unchecked Sendable {  // Owns its memory alone; whoever has it borrowed only reads.
    /// Fits twice into the 8 MiB that a process without privileges may lock (systemd's default RLIMIT_MEMLOCK).
    /// OpenSSL keeps private keys there too: 4 MiB hold more than a thousand RSA-4096 keys.
    static let arenaSize = 4 << 20
    /// The smallest piece of the arena: a 256-bit key.
    static let arenaGranule = 32
    /// Above this a mapping of its own wastes less than the arena's halving blocks.
    static let largestArenaPiece = 16 << 10

    /// True if the arena exists and is locked. Made on first use.
    static let isArenaLocked: Bool = {
        Library.setUp()
        var size = arenaSize
        // Containers may allow as little as 64 KiB: leave half of what is allowed to the large pieces.
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0 {
            while size > 16 << 10, rlim_t(size) > limit.rlim_cur / 2 { size /= 2 }
        }
        return CRYPTO_secure_malloc_init(size, arenaGranule) == 1
    }()

    let buffer: UnsafeMutableRawBufferPointer
    private let isMapped: Bool

    init(count: Int) throws(CryptographyError) {
        guard count >= 0, count <= Int(Int32.max) else { throw CryptographyError(.invalidLength) }
        let size = max(count, 1)
        if size <= Self.largestArenaPiece, Self.isArenaLocked,
            let piece = unsafe CRYPTO_secure_zalloc(size, nil, 0)
        {
            unsafe buffer = UnsafeMutableRawBufferPointer(start: piece, count: count)
            isMapped = false
            return
        }
        ERR_clear_error()
        guard
            let pages = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe pages != MAP_FAILED
        else { throw CryptographyError(.libraryFailure) }
        guard unsafe mlock(pages, size) == 0 else {
            unsafe munmap(pages, size)
            throw CryptographyError(.libraryFailure)
        }
        _ = unsafe madvise(pages, size, Int32(MADV_DONTDUMP))
        unsafe buffer = UnsafeMutableRawBufferPointer(start: pages, count: count)
        isMapped = true
    }

    deinit {
        guard let start = unsafe buffer.baseAddress else { return }
        let size = unsafe max(buffer.count, 1)
        if isMapped {
            unsafe kb_wipe(start, size)
            unsafe munmap(start, size)
        } else {
            unsafe CRYPTO_secure_clear_free(start, size, nil, 0)
        }
    }
}
