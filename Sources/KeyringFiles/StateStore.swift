// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Keeps the enclave's sealed keyrings: `keyring-<version>.cose` in one directory, the highest version being current.
/// The host's program holds it while it runs, the command line when it puts a backup back.
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
        try locked { () throws(DurableFile.Failure) in try Self.readCurrent(directory) }
    }

    /// The same without opening the store: also while a host uses it.
    package static func current(in directory: String) throws(StateStoreError) -> StoredKeyring? {
        do {
            return try readCurrent(directory)
        } catch {
            // The file was removed since its name was read: newer ones are there.
            guard error.code == ENOENT, let again = try? readCurrent(directory) else { throw StateStoreError(error) }
            return again
        }
    }

    /// Stores `bytes` as `version`, which has to be the stored version plus one (the first is 1). When it returns
    /// `.stored`, they are on the disk.
    package func store(version: UInt64, bytes: [UInt8]) throws(StateStoreError) -> Outcome {
        guard bytes.count <= Self.maximumLength else { throw StateStoreError("the keyring is too large") }
        return try locked { () throws(DurableFile.Failure) in
            let current = try Self.readCurrent(self.directory)
            let stored = current?.version ?? 0
            if let current, current.version == version, current.bytes == bytes { return .alreadyStored }
            guard version > stored, version - stored == 1 else { return .conflict(stored: stored) }
            try self.write(StoredKeyring(version: version, bytes: bytes))
            self.removeOld(below: version)
            return .stored
        }
    }

    /// Makes `keyring` the current one, whatever is stored: its operator's decision, which the enclave and its clients
    /// judge by version and digest. Other versions from its own upward, or all of them if `replacingAll`, move into
    /// `replaced-<stamp>` beside it.
    ///
    /// Atomic: at each moment the current keyring is the old one, one between the two, or the new one, and complete. A
    /// restore that was cut short is completed by doing it again.
    ///
    /// - Returns: What was moved, as paths.
    package func restore(_ keyring: StoredKeyring, replacingAll: Bool, stamp: String) throws(StateStoreError)
        -> [String]
    {
        guard keyring.bytes.count <= Self.maximumLength else { throw StateStoreError("the keyring is too large") }
        return try locked { () throws(DurableFile.Failure) in
            var others: [UInt64] = []
            for version in try Self.versions(in: self.directory) where replacingAll || version >= keyring.version {
                if version == keyring.version, try self.isStored(keyring) { continue }
                others.append(version)
            }
            let moved = try self.copyAside(others, to: "\(self.directory)/replaced-\(stamp)")
            try self.write(keyring)
            // From the top: what is current only ever goes down, to the new one.
            for version in others.reversed() where version != keyring.version {
                let path = "\(self.directory)/\(Self.name(version))"
                guard unsafe unlink(path) == 0 else { throw DurableFile.Failure(call: "remove \(path)", code: errno) }
            }
            try DurableFile.sync(directory: self.directory)
            return moved
        }
    }

    // MARK: Files

    private func isStored(_ keyring: StoredKeyring) throws(DurableFile.Failure) -> Bool {
        try DurableFile.read("\(directory)/\(Self.name(keyring.version))", limit: Self.maximumLength) == keyring.bytes
    }

    private func write(_ keyring: StoredKeyring) throws(DurableFile.Failure) {
        let name = Self.name(keyring.version)
        try DurableFile.write(keyring.bytes, to: name, temporary: ".\(name)\(Self.temporarySuffix)", in: directory)
    }

    /// Second names for the files of these versions, on the disk before anything is removed.
    private func copyAside(_ versions: [UInt64], to folder: String) throws(DurableFile.Failure) -> [String] {
        guard !versions.isEmpty else { return [] }
        guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw DurableFile.Failure(call: "create \(folder)", code: errno)
        }
        var paths: [String] = []
        for version in versions {
            let path = "\(folder)/\(Self.name(version))"
            guard unsafe link("\(directory)/\(Self.name(version))", path) == 0 else {
                throw DurableFile.Failure(call: "create \(path)", code: errno)
            }
            paths.append(path)
        }
        try DurableFile.sync(directory: folder)
        try DurableFile.sync(directory: directory)
        return paths
    }

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

    /// Ascending.
    private static func versions(in directory: String) throws(DurableFile.Failure) -> [UInt64] {
        try DurableFile.names(in: directory).compactMap(version).sorted()
    }

    private static func readCurrent(_ directory: String) throws(DurableFile.Failure) -> StoredKeyring? {
        guard let version = try versions(in: directory).last else { return nil }
        let path = "\(directory)/\(name(version))"
        guard let bytes = try DurableFile.read(path, limit: maximumLength) else {
            throw DurableFile.Failure(call: "open \(path)", code: ENOENT)
        }
        return StoredKeyring(version: version, bytes: bytes)
    }

    /// Best effort: one that stays does no harm.
    private func removeOld(below version: UInt64) {
        guard version > Self.keptVersions, let versions = try? Self.versions(in: directory) else { return }
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
