// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Files and standard input that hold secrets: read straight into one array, which its owner wipes. Foundation's reading
/// would leave copies behind.
enum SecretInput: Sendable {
    /// A private key in PEM with text around it, or the answer of a KMS, has a few kilobytes.
    static let maximumLength = 64 << 10

    /// The bytes of a file, or of standard input for `-`. Whoever takes them wipes them.
    static func read(_ path: String, limit: Int = maximumLength) throws(CommandFailure) -> [UInt8] {
        let name = path == "-" ? "standard input" : path
        if path == "-" {
            guard isatty(STDIN_FILENO) == 0 else {
                throw .usage("standard input is a terminal, which would show the secret: use a pipe or a file")
            }
            return try read(from: STDIN_FILENO, named: name, limit: limit)
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .usage("\(name): cannot be read: \(SystemError.text(errno))") }
        defer { close(descriptor) }
        return try read(from: descriptor, named: name, limit: limit)
    }

    /// Never grows the array: a smaller one would stay behind unwiped.
    private static func read(from descriptor: Int32, named name: String, limit: Int) throws(CommandFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Foundation.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw .usage("\(name): cannot be read: \(SystemError.text(errno))") }
            guard got > 0 else { break }
            count += got
        }
        guard count <= limit else { throw .usage("\(name): too large: more than \(limit) bytes") }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
