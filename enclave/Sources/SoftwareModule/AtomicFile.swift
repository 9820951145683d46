// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Glibc

/// Files that appear whole or not at all, also when two processes make them at once.
enum AtomicFile {
    /// Makes `path` with these contents unless it exists. False if it did: then it is left as it is.
    static func create(_ path: String, _ contents: [UInt8], mode: mode_t) throws(SoftwareModuleError) -> Bool {
        let temporary = try writeTemporary(beside: path, contents, mode: mode)
        defer { _ = unsafe unlink(temporary) }
        // Unlike rename, link never replaces.
        guard unsafe link(temporary, path) != 0 else {
            try synchronizeDirectory(of: path)
            return true
        }
        guard errno == EEXIST else { throw .system("create", path, errno) }
        return false
    }

    /// Makes `path` with these contents, in place of what was there.
    static func replace(_ path: String, _ contents: [UInt8], mode: mode_t) throws(SoftwareModuleError) {
        let temporary = try writeTemporary(beside: path, contents, mode: mode)
        guard unsafe rename(temporary, path) == 0 else {
            let failure = errno
            _ = unsafe unlink(temporary)
            throw .system("create", path, failure)
        }
        try synchronizeDirectory(of: path)
    }

    /// Makes a directory, and those above it, for this user only.
    static func makeDirectory(_ path: String) throws(SoftwareModuleError) {
        var partial = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            partial += partial.isEmpty || partial.hasSuffix("/") ? String(component) : "/\(component)"
            guard unsafe mkdir(partial, S_IRWXU) != 0, errno != EEXIST else { continue }
            // A directory that may not be written to may be there all the same.
            let failure = errno
            var status = stat()
            guard unsafe stat(partial, &status) == 0 else { throw .system("create", partial, failure) }
        }
    }

    /// Sees that nobody but this user, and those whom its group lets in, can put files into a directory.
    static func checkDirectory(_ path: String) throws(SoftwareModuleError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw .system("open", path, errno) }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & S_IWOTH == 0 else {
            throw SoftwareModuleError("\(path) must be a directory of this user's that not everyone can write to")
        }
    }

    private static func writeTemporary(
        beside path: String,
        _ contents: [UInt8],
        mode: mode_t
    ) throws(SoftwareModuleError) -> String {
        guard let suffix = try? SecureRandom.bytes(count: 8) else {
            throw SoftwareModuleError("the random generator fails")
        }
        let temporary = "\(path).\(Hex.encode(suffix)).tmp"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .system("create", temporary, errno) }
        defer { _ = close(descriptor) }
        // fchmod: the umask may have taken bits away.
        guard write(contents, to: descriptor), fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
            let failure = errno
            _ = unsafe unlink(temporary)
            throw .system("write", temporary, failure)
        }
        return temporary
    }

    private static func write(_ contents: [UInt8], to descriptor: Int32) -> Bool {
        var written = 0
        while written < contents.count {
            let start = written
            let length = unsafe contents.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: start), buffer.count - start)
            }
            if length < 0, errno == EINTR { continue }
            guard length > 0 else { return false }
            written += length
        }
        return true
    }

    private static func synchronizeDirectory(of path: String) throws(SoftwareModuleError) {
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(parent.isEmpty ? "/" : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", parent, errno) }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system("write", parent, errno) }
    }
}
