// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import KeyringFiles

/// Files that a rotation changes: whole before and after each change, on the disk when a call returns, and one process at a
/// time.
final class RotationFile: Sendable {
    let path: String
    private let lock: Int32

    /// Takes the lock beside the file, or fails at once: whoever has it is at work.
    init(locking path: String) throws(CommandFailure) {
        self.path = Self.resolved(path)
        let name = "\(self.path).lock"
        lock = unsafe open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw .failed("\(name): cannot be made: \(SystemError.text(errno))") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .failed("\(path): another run of keybroker rotate has it: wait until that has ended")
        }
    }

    deinit { close(lock) }

    /// The file itself, where a link leads to it: renaming over the link would leave the file as it was.
    static func resolved(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }

    func write(_ bytes: [UInt8]) throws(CommandFailure) { try Self.write(bytes, to: path) }

    static func write(_ bytes: [UInt8], to path: String) throws(CommandFailure) {
        let file = URL(fileURLWithPath: path)
        do {
            try DurableFile.write(
                bytes,
                to: file.lastPathComponent,
                temporary: ".\(file.lastPathComponent).\(getpid()).new",
                in: file.deletingLastPathComponent().path,
                mode: 0o644
            )
        } catch {
            throw .failed("\(path): cannot be written: \(error)")
        }
    }
}

extension RotationJournal {
    /// Nil if there is none.
    static func read(_ path: String) throws(CommandFailure) -> RotationJournal? {
        let path = RotationFile.resolved(path)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let bytes = try InputFile.read(path)
        do {
            return try RotationJournal(bytes)
        } catch {
            throw .usage("\(path): not a journal of keybroker rotate: \(error)")
        }
    }

    func write(to file: RotationFile) throws(CommandFailure) {
        try file.write(json.serialized(pretty: true) + [UInt8(ascii: "\n")])
    }
}
