// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reading and writing whole files, so that a crash leaves the old or the new one.
package enum DurableFile: Sendable {
    /// The call that failed and its errno.
    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package let call: String
        package let code: CInt

        package init(call: String, code: CInt) {
            self.call = call
            self.code = code
        }

        /// One line for people.
        package var description: String {
            guard let text = unsafe strerror(code) else { return "\(call): error \(code)" }
            return "\(call): \(unsafe String(cString: text))"
        }
    }

    /// The bytes of a regular file of at most `limit` bytes (EFBIG if it has more); nil if there is none.
    package static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw Failure(call: "open \(path)", code: errno)
        }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw Failure(call: "stat \(path)", code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(call: "read \(path)", code: EINVAL) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Failure(call: "read \(path)", code: errno) }
            guard count <= limit - bytes.count else { throw Failure(call: "read \(path)", code: EFBIG) }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    /// Writes `bytes` under a temporary name, syncs, renames to `path`, and syncs the directory: when it returns, the
    /// file survives a crash of the machine.
    ///
    /// Written by root it belongs to the directory's owner: the service that is to read it need not be root.
    package static func write(
        _ bytes: [UInt8],
        to name: String,
        temporary: String,
        in directory: String,
        mode: UInt32 = 0o600
    ) throws(Failure) {
        let path = "\(directory)/\(temporary)"
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else { throw Failure(call: "create \(path)", code: errno) }
        do throws(Failure) {
            try giveToOwner(of: directory, file)
            try write(bytes, to: file, path)
            guard fsync(file) == 0 else { throw Failure(call: "sync \(path)", code: errno) }
        } catch {
            close(file)
            unsafe unlink(path)
            throw error
        }
        guard close(file) == 0, unsafe rename(path, "\(directory)/\(name)") == 0 else {
            let code = errno
            unsafe unlink(path)
            throw Failure(call: "rename \(path)", code: code)
        }
        try sync(directory: directory)
    }

    /// Makes `folder` (mode 0700) with these files, all of it at once: under a temporary name first. When it returns, it
    /// survives a crash of the machine.
    ///
    /// - Throws: also if `folder` exists.
    package static func writeFolder(_ folder: String, _ files: [(name: String, bytes: [UInt8])]) throws(Failure) {
        let path = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        let temporary = "\(path).new"
        guard unsafe mkdir(temporary, 0o700) == 0 else { throw Failure(call: "create \(temporary)", code: errno) }
        do throws(Failure) {
            for file in files {
                try write(file.bytes, to: file.name, temporary: ".\(file.name).tmp", in: temporary)
            }
            // Over an empty folder rename(2) would succeed too: nothing of value is lost.
            guard unsafe rename(temporary, path) == 0 else { throw Failure(call: "rename \(temporary)", code: errno) }
        } catch {
            for file in files { unsafe unlink("\(temporary)/\(file.name)") }
            unsafe rmdir(temporary)
            throw error
        }
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try sync(directory: parent.isEmpty ? "/" : parent)
    }

    private static func giveToOwner(of directory: String, _ file: CInt) throws(Failure) {
        guard geteuid() == 0 else { return }
        var status = stat()
        guard unsafe stat(directory, &status) == 0, fchown(file, status.st_uid, status.st_gid) == 0 else {
            throw Failure(call: "chown in \(directory)", code: errno)
        }
    }

    private static func write(_ bytes: [UInt8], to file: CInt, _ path: String) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Failure(call: "write \(path)", code: errno) }
            rest = rest.dropFirst(count)
        }
    }

    package static func sync(directory: String) throws(Failure) {
        let file = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(call: "open \(directory)", code: errno) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw Failure(call: "sync \(directory)", code: errno) }
    }

    /// Names in a directory, `.` and `..` left out.
    package static func names(in directory: String) throws(Failure) -> [String] {
        guard let stream = unsafe opendir(directory) else { throw Failure(call: "open \(directory)", code: errno) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
