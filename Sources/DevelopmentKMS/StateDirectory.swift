// SPDX-License-Identifier: Apache-2.0

import Encoding
import Glibc
import KeyService

/// The directory in which a development KMS keeps its keys, in plain, for its user alone (0700, files 0600).
///
/// Each change writes all keys to a temporary file, syncs it, renames it over the old one, and syncs the directory: what
/// was acknowledged is there after kill -9 and after a crash of the machine. One process at a time.
package final class StateDirectory: Sendable {
    /// What is kept.
    struct Contents: Sendable {
        var keys: KeyTable
        /// Keys made so far, those included that are gone: what seeded ids count.
        var created: Int64
    }

    private static let fileName = "keys.json"
    private static let temporaryName = "keys.json.new"
    private static let lockName = "lock"
    /// Bytes of the file: some 100,000 keys.
    static let maximumLength = 256 << 20

    private let path: String
    private let lock: CInt
    /// As it was found.
    let initial: Contents

    /// Opens or makes the directory, and reads it.
    ///
    /// - Throws: ``StateError`` if it is another user's, open to others, in use, of another account or region, or damaged.
    package init(path: String, account: String, region: String) throws(StateError) {
        self.path = path
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system("make", path, errno) }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw .system("read", path, errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(path) }
        guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else { throw .openToOthers(path) }

        let lockPath = "\(path)/\(Self.lockName)"
        let lock = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .system("open", lockPath, errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(lock)
            throw code == EWOULDBLOCK ? .inUse(path) : .system("lock", lockPath, code)
        }
        do throws(StateError) {
            let file = "\(path)/\(Self.fileName)"
            if let bytes = try Self.read(file) {
                do {
                    initial = try StateSnapshot.decode(bytes, account: account, region: region)
                } catch {
                    throw StateError.damaged(file, error.reason)
                }
            } else {
                initial = Contents(keys: KeyTable(account: account, region: region), created: 0)
            }
        } catch {
            close(lock)
            throw error
        }
        self.lock = lock
    }

    deinit { close(lock) }

    /// When it returns, the contents survive a crash. When it throws, the old ones may or may not be there still.
    func store(_ contents: Contents) throws(StateError) {
        let bytes: [UInt8]
        do {
            bytes = try StateSnapshot.encode(contents)
        } catch {
            throw .damaged(path, error.reason)
        }
        let temporary = "\(path)/\(Self.temporaryName)"
        // What an interrupted change left is overwritten.
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system("write", temporary, errno) }
        let isWritten = Self.write(bytes, to: file) && fsync(file) == 0
        let code = errno
        guard close(file) == 0, isWritten else { throw .system("write", temporary, code) }
        guard unsafe rename(temporary, "\(path)/\(Self.fileName)") == 0 else {
            throw .system("rename", temporary, errno)
        }
        let directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .system("open", path, errno) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw .system("sync", path, errno) }
    }

    /// Nil if there is none.
    private static func read(_ path: String) throws(StateError) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw .system("open", path, errno)
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", path, errno) }
            guard count <= maximumLength - bytes.count else { throw .system("read", path, EFBIG) }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    private static func write(_ bytes: [UInt8], to file: CInt) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

/// A state directory that cannot be used. `description` is one line for a person.
package enum StateError: Error, Equatable, Sendable, CustomStringConvertible {
    case system(String, String, CInt)
    case notADirectory(String)
    case openToOthers(String)
    case inUse(String)
    case damaged(String, String)

    package var description: String {
        switch self {
        case .system(let verb, let path, let code):
            "cannot \(verb) \(path): \(Self.text(code))"
        case .notADirectory(let path): "\(path) is not a directory"
        case .openToOthers(let path):
            "\(path) will hold keys in plain and is not yours alone: chmod 700 it, or name another directory"
        case .inUse(let path): "\(path) is in use by another process"
        case .damaged(let path, let reason): "\(path): \(reason)"
        }
    }

    private static func text(_ code: CInt) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
