// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where the bytes of an image come from: read in pieces at the places that are asked for, whatever the image says of itself.
enum ImageSource: Sendable {
    case memory([UInt8])
    /// An open regular file of this length, which stays its opener's.
    case file(CInt, length: Int)

    /// - Throws: `unreadable` for what is no regular file: the others have no length to hold an image to.
    init(descriptor: CInt) throws(EnclaveImageError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.failure("fstat", errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw EnclaveImageError(.unreadable, "not a regular file")
        }
        self = .file(descriptor, length: Int(status.st_size))
    }

    var length: Int {
        switch self {
        case .memory(let bytes): bytes.count
        case .file(_, let length): length
        }
    }

    /// Fills the first `count` bytes of `piece` with those from `offset` on. Both ranges are within bounds: the callers
    /// have compared.
    func read(_ count: Int, at offset: Int, into piece: inout [UInt8]) throws(EnclaveImageError) {
        switch self {
        case .memory(let bytes):
            piece.replaceSubrange(0..<count, with: bytes[offset..<offset + count])
        case .file(let descriptor, _):
            var done = 0
            while done < count {
                let got = unsafe piece.withUnsafeMutableBytes { buffer in
                    unsafe pread(descriptor, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset + done))
                }
                if got < 0 && errno == EINTR { continue }
                guard got >= 0 else { throw Self.failure("pread", errno) }
                guard got > 0 else {
                    throw EnclaveImageError(.unreadable, "the file became shorter while it was read")
                }
                done += got
            }
        }
    }

    /// At most `count` bytes from `offset` on.
    func bytes(_ count: Int, at offset: Int) throws(EnclaveImageError) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: count)
        try read(count, at: offset, into: &piece)
        return piece
    }

    static func failure(_ call: String, _ code: CInt) -> EnclaveImageError {
        let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return EnclaveImageError(.unreadable, "\(call): \(text)")
    }
}
