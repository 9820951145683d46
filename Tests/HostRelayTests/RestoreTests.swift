// SPDX-License-Identifier: Apache-2.0

import Foundation
import KeyringFiles
import TestSupport
import Testing

/// A backup put back into a state directory.
struct RestoreTests {
    private let folder: TemporaryDirectory
    private var directory: String { "\(folder.path)/state" }

    /// A store with versions 1 to 3, whose bytes are the version's number.
    init() throws {
        folder = try TemporaryDirectory()
        let store = try StateStore(directory: directory)
        for version in 1...3 as ClosedRange<UInt64> { _ = try store.store(version: version, bytes: [UInt8(version)]) }
    }

    private func restore(_ version: UInt64, _ bytes: [UInt8], replacingAll: Bool = false) throws -> [String] {
        try StateStore(directory: directory)
            .restore(.init(version: version, bytes: bytes), replacingAll: replacingAll, stamp: "t")
    }

    private func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    @Test func `a higher version becomes the current one, and nothing moves`() throws {
        #expect(try restore(7, [7]) == [])
        #expect(try StateStore(directory: directory).current() == .init(version: 7, bytes: [7]))
        #expect(names(in: directory) == ["keyring-1.cose", "keyring-2.cose", "keyring-3.cose", "keyring-7.cose"])
    }

    @Test func `the stored version again changes nothing`() throws {
        #expect(try restore(3, [3]) == [])
        #expect(names(in: directory) == ["keyring-1.cose", "keyring-2.cose", "keyring-3.cose"])
    }

    @Test func `a lower version becomes the current one, and those above it are kept aside`() throws {
        let moved = try restore(1, [1])
        #expect(moved == ["\(directory)/replaced-t/keyring-2.cose", "\(directory)/replaced-t/keyring-3.cose"])
        #expect(try StateStore(directory: directory).current() == .init(version: 1, bytes: [1]))
        #expect(names(in: "\(directory)/replaced-t") == ["keyring-2.cose", "keyring-3.cose"])
        #expect(names(in: directory) == ["keyring-1.cose", "replaced-t"])
    }

    @Test func `other bytes of the stored version replace it, and the old ones are kept aside`() throws {
        #expect(try restore(3, [33]) == ["\(directory)/replaced-t/keyring-3.cose"])
        #expect(try StateStore(directory: directory).current() == .init(version: 3, bytes: [33]))
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(directory)/replaced-t/keyring-3.cose")) == Data([3]))
    }

    @Test func `another keyring replaces all versions`() throws {
        #expect(try restore(2, [22], replacingAll: true).count == 3)
        #expect(names(in: directory) == ["keyring-2.cose", "replaced-t"])
        #expect(try StateStore(directory: directory).current() == .init(version: 2, bytes: [22]))
    }

    @Test func `what is restored belongs to the folder's owner, and nobody else reads it`() throws {
        // As root the service's user is another; for anybody else there is only oneself.
        if geteuid() == 0 { #expect(unsafe chown(directory, 65_534, 65_534) == 0) }
        _ = try restore(7, [7])
        let attributes = try ["", "/keyring-7.cose"].map {
            try FileManager.default.attributesOfItem(atPath: directory + $0)
        }
        #expect(attributes[1][.ownerAccountID] as? Int == attributes[0][.ownerAccountID] as? Int)
        #expect(attributes[1][.posixPermissions] as? Int == 0o600)
    }

    @Test func `the next version can be stored after it`() throws {
        _ = try restore(1, [1])
        let store = try StateStore(directory: directory)
        #expect(try store.store(version: 2, bytes: [22]) == .stored)
        #expect(try store.current() == .init(version: 2, bytes: [22]))
    }

    @Test func `nothing is restored while a host uses the directory`() throws {
        let host = try StateStore(directory: directory)
        #expect(throws: StateStoreError.self) { try restore(7, [7]) }
        #expect(try host.current() == .init(version: 3, bytes: [3]))
        #expect(try StateStore.current(in: directory) == .init(version: 3, bytes: [3]))
    }

    @Test func `what is too large is not restored`() throws {
        let large = [UInt8](repeating: 1, count: StateStore.maximumLength + 1)
        #expect(throws: StateStoreError.self) { try restore(7, large) }
        #expect(names(in: directory).count == 3)
    }
}
