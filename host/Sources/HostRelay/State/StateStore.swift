// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Keeps the enclave's sealed keyrings: `keyring-<version>.cose` in one directory, the highest version being current.
///
/// What is in them is opaque here. A host can lie about all of this; enclaves and clients find that out by versions and
/// digests.
package final class StateStore: Sendable {
    /// Bytes of a sealed keyring: as many as the enclave reads.
    package static let maximumLength = 1 << 20
    /// Versions that are kept, the current one included.
    package static let keptVersions: UInt64 = 10

    package struct StoredKeyring: Equatable, Sendable {
        package let version: UInt64
        package let bytes: [UInt8]

        package init(version: UInt64, bytes: [UInt8]) {
            self.version = version
            self.bytes = bytes
        }
    }

    package enum Outcome: Equatable, Sendable {
        case stored
        /// The same bytes are stored under this version already.
        case alreadyStored
        /// The version is not the stored one plus one; nothing has changed.
        case conflict(stored: UInt64)
    }

    private let directory: String
    /// Holds the directory's lock until the process ends.
    private let lock: CInt
    /// Serialises all access.
    private let gate = Mutex(())

    /// Opens the store, and makes its directory (mode 0700) if there is none. Leftovers of a crash are removed.
    ///
    /// - Throws: ``StateStoreError``; also when another process uses the directory.
    package init(directory: String) throws(StateStoreError) {
        if unsafe mkdir(directory, 0o700) != 0 && errno != EEXIST {
            throw StateStoreError(DurableFile.Failure(call: "create \(directory)", code: errno))
        }
        let file = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw StateStoreError(DurableFile.Failure(call: "open \(directory)", code: errno)) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(file)
            throw code == EWOULDBLOCK
                ? StateStoreError("\(directory) is in use by another keybroker-host")
                : StateStoreError(DurableFile.Failure(call: "lock \(directory)", code: code))
        }
        self.directory = directory
        lock = file
        do throws(DurableFile.Failure) {
            for name in try DurableFile.names(in: directory) where name.hasSuffix(Self.temporarySuffix) {
                unsafe unlink("\(directory)/\(name)")
            }
        } catch {
            close(file)
            throw StateStoreError(error)
        }
    }

    deinit { close(lock) }

    /// The keyring of the highest version; nil if none is stored. One that cannot be read is an error: an older one is
    /// never given instead.
    package func current() throws(StateStoreError) -> StoredKeyring? {
        try locked { () throws(DurableFile.Failure) in try self.readCurrent() }
    }

    /// Stores `bytes` as `version`, which has to be the stored version plus one (the first is 1). When it returns
    /// `.stored`, they are on the disk.
    package func store(version: UInt64, bytes: [UInt8]) throws(StateStoreError) -> Outcome {
        guard bytes.count <= Self.maximumLength else { throw StateStoreError("the keyring is too large") }
        return try locked { () throws(DurableFile.Failure) in
            let current = try self.readCurrent()
            let stored = current?.version ?? 0
            if let current, current.version == version, current.bytes == bytes { return .alreadyStored }
            guard version > stored, version - stored == 1 else { return .conflict(stored: stored) }
            let name = Self.name(version)
            try DurableFile.write(
                bytes,
                to: name,
                temporary: ".\(name)\(Self.temporarySuffix)",
                in: self.directory
            )
            self.removeOld(below: version)
            return .stored
        }
    }

    // MARK: Files

    private static let temporarySuffix = ".tmp"
    private static let prefix = "keyring-"
    private static let suffix = ".cose"

    private static func name(_ version: UInt64) -> String { "\(prefix)\(version)\(suffix)" }

    /// Only the form that is written here: decimal, no leading zero, from 1.
    private static func version(_ name: String) -> UInt64? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.utf8.count > prefix.utf8.count + suffix.utf8.count
        else {
            return nil
        }
        guard let version = UInt64(name.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)), version > 0 else {
            return nil
        }
        return self.name(version) == name ? version : nil
    }

    private func versions() throws(DurableFile.Failure) -> [UInt64] {
        try DurableFile.names(in: directory).compactMap(Self.version)
    }

    private func readCurrent() throws(DurableFile.Failure) -> StoredKeyring? {
        guard let version = try versions().max() else { return nil }
        let path = "\(directory)/\(Self.name(version))"
        guard let bytes = try DurableFile.read(path, limit: Self.maximumLength) else {
            throw DurableFile.Failure(call: "open \(path)", code: ENOENT)
        }
        return StoredKeyring(version: version, bytes: bytes)
    }

    /// Best effort: one that stays does no harm.
    private func removeOld(below version: UInt64) {
        guard version > Self.keptVersions, let versions = try? versions() else { return }
        for old in versions where old <= version - Self.keptVersions { unsafe unlink("\(directory)/\(Self.name(old))") }
    }

    private func locked<R: Sendable>(_ body: () throws(DurableFile.Failure) -> R) throws(StateStoreError) -> R {
        do {
            return try gate.withLock { _ throws(DurableFile.Failure) -> R in try body() }
        } catch {
            throw StateStoreError(error)
        }
    }
}

/// The store cannot be used. One line for people.
package struct StateStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
    init(_ failure: DurableFile.Failure) { description = failure.description }
}
