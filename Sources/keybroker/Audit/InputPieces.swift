// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file or standard input, read piece by piece: as much as there is, without waiting for more.
final class InputPieces {
    private let descriptor: Int32
    private static let pieceLength = 1 << 18

    /// Opens a file; `-` is standard input.
    init(_ path: String) throws(CommandFailure) {
        descriptor = path == "-" ? STDIN_FILENO : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .usage("\(path): cannot be read: \(SystemError.text(errno))") }
    }

    deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

    struct Unreadable: Error { let reason: String }

    /// The next bytes; none at the end.
    func next() throws(Unreadable) -> [UInt8] {
        var length = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.pieceLength) { buffer, filled in
            repeat {
                length = unsafe read(descriptor, buffer.baseAddress, Self.pieceLength)
            } while length < 0 && errno == EINTR
            filled = max(0, length)
        }
        guard length >= 0 else { throw Unreadable(reason: SystemError.text(errno)) }
        return bytes
    }

    /// Whether the next piece is not here yet.
    var isWaiting: Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe Foundation.poll(&poll, 1, 0) == 0
    }
}
