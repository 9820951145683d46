// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Glibc

/// A file, open for reading until it goes.
struct OpenFile: ~Copyable {
    let path: String
    private let descriptor: Int32

    /// Nil if there is no such file.
    init?(ifPresent path: String, followsLinks: Bool = false) throws(SoftwareModuleError) {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW))
        guard descriptor < 0 else { return }
        let failure = errno
        guard failure == ENOENT else { throw .system("open", path, failure) }
        return nil
    }

    /// Links are followed: programs and libraries are often reached through them.
    init(_ path: String) throws(SoftwareModuleError) {
        guard let file = try OpenFile(ifPresent: path, followsLinks: true) else { throw .system("open", path, ENOENT) }
        self = file
    }

    deinit {
        _ = close(descriptor)
    }

    borrowing func status() throws(SoftwareModuleError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .system("read", path, errno) }
        return status
    }

    /// At most `count` bytes at `offset`; fewer only at the end of the file.
    borrowing func bytes(at offset: Int64, count: Int) throws(SoftwareModuleError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let start = filled
            let length = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(
                    descriptor,
                    buffer.baseAddress?.advanced(by: start),
                    count - start,
                    off_t(offset) &+ start
                )
            }
            if length < 0, errno == EINTR { continue }
            guard length >= 0 else { throw .system("read", path, errno) }
            if length == 0 { break }
            filled += length
        }
        bytes.removeLast(count - filled)
        return bytes
    }

    /// The whole file, which is at most `limit` bytes.
    borrowing func contents(limit: Int) throws(SoftwareModuleError) -> [UInt8] {
        let bytes = try bytes(at: 0, count: limit + 1)
        guard bytes.count <= limit else { throw SoftwareModuleError("\(path) is longer than \(limit) bytes") }
        return bytes
    }

    /// SHA-384 of the whole file.
    borrowing func digest() throws(SoftwareModuleError) -> [UInt8] {
        let pieceLength = 1 << 20
        var hash = IncrementalHash(.sha384)
        var offset: Int64 = 0
        while true {
            let piece = try bytes(at: offset, count: pieceLength)
            unsafe hash.update(piece.span.bytes)
            offset += Int64(piece.count)
            if piece.count < pieceLength { return hash.finish() }
        }
    }
}

extension SoftwareModuleError {
    static func system(_ action: String, _ path: String, _ code: Int32) -> SoftwareModuleError {
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return SoftwareModuleError("cannot \(action) \(path): \(reason)")
    }
}
