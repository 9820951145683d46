// SPDX-License-Identifier: Apache-2.0

import Foundation
import KeyringFiles
import TestSupport
import Testing

struct StateStoreTests {
    private let folder: TemporaryDirectory
    private var directory: String { "\(folder.path)/state" }
    private var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    init() throws { folder = try TemporaryDirectory() }

    @Test func `an empty store has no keyring, and a directory of its owner alone`() throws {
        #expect(try StateStore(directory: directory).current() == nil)
        let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
        #expect(mode == 0o700)
    }

    @Test func `stores versions one after the other, and finds the last after a restart`() throws {
        do {
            let store = try StateStore(directory: directory)
            for version in 1...3 as ClosedRange<UInt64> {
                #expect(try store.store(version: version, bytes: [UInt8(version)]) == .stored)
                #expect(try store.current() == .init(version: version, bytes: [UInt8(version)]))
            }
        }
        #expect(try StateStore(directory: directory).current()?.bytes == [3])
        let mode =
            try FileManager.default.attributesOfItem(atPath: "\(directory)/keyring-3.cose")[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test(arguments: [0, 1, 2, 3, 5, UInt64.max])
    func `any version but the next is a conflict and changes nothing`(version: UInt64) throws {
        let store = try StateStore(directory: directory)
        for version in 1...3 as ClosedRange<UInt64> { _ = try store.store(version: version, bytes: [UInt8(version)]) }
        #expect(try store.store(version: version, bytes: [99]) == .conflict(stored: 3))
        #expect(try store.current() == .init(version: 3, bytes: [3]))
        #expect(names == ["keyring-1.cose", "keyring-2.cose", "keyring-3.cose"])
    }

    @Test func `the first version is 1`() throws {
        let store = try StateStore(directory: directory)
        #expect(try store.store(version: 2, bytes: [1]) == .conflict(stored: 0))
        #expect(try store.store(version: 1, bytes: [1]) == .stored)
    }

    @Test func `an identical retry is stored already; the same version with other bytes is a conflict`() throws {
        let store = try StateStore(directory: directory)
        _ = try store.store(version: 1, bytes: [1])
        #expect(try store.store(version: 1, bytes: [1]) == .alreadyStored)
        #expect(try store.store(version: 1, bytes: [2]) == .conflict(stored: 1))
        _ = try store.store(version: 2, bytes: [2])
        #expect(try store.store(version: 1, bytes: [1]) == .conflict(stored: 2))
    }

    @Test func `keeps the last ten versions`() throws {
        let store = try StateStore(directory: directory)
        for version in 1...25 as ClosedRange<UInt64> { _ = try store.store(version: version, bytes: [1]) }
        #expect(Set(names) == Set((16...25).map { "keyring-\($0).cose" }))
    }

    @Test func `versions are numbers, not texts`() throws {
        let store = try StateStore(directory: directory)
        for version in 1...10 as ClosedRange<UInt64> { _ = try store.store(version: version, bytes: [UInt8(version)]) }
        #expect(try store.current()?.version == 10)
    }

    @Test func `leftovers of a crash and strange files count for nothing`() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in [
            ".keyring-9.cose.tmp", "keyring-08.cose", "keyring-0.cose", "keyring--1.cose", "keyring-+7.cose",
            "keyring-.cose", "keyring-9.cose.bak", "keyring-99999999999999999999.cose", "other",
        ] {
            try Data([1]).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
        }
        let store = try StateStore(directory: directory)
        #expect(try store.current() == nil)
        #expect(try store.store(version: 1, bytes: [7]) == .stored)
        #expect(try store.current() == .init(version: 1, bytes: [7]))
        #expect(!names.contains(".keyring-9.cose.tmp"))
    }

    @Test func `a current keyring that cannot be read is an error, not an older one`() throws {
        let store = try StateStore(directory: directory)
        _ = try store.store(version: 1, bytes: [1])
        try FileManager.default.createDirectory(
            atPath: "\(directory)/keyring-2.cose",
            withIntermediateDirectories: true
        )
        #expect(throws: StateStoreError.self) { try store.current() }
        #expect(throws: StateStoreError.self) { try store.store(version: 3, bytes: [1]) }
    }

    @Test func `a keyring beyond the limit is neither stored nor read`() throws {
        let store = try StateStore(directory: directory)
        let large = [UInt8](repeating: 1, count: StateStore.maximumLength)
        #expect(try store.store(version: 1, bytes: large) == .stored)
        #expect(throws: StateStoreError.self) { try store.store(version: 2, bytes: large + [1]) }
        try Data(large + [1]).write(to: URL(fileURLWithPath: "\(directory)/keyring-2.cose"))
        #expect(throws: StateStoreError.self) { try store.current() }
    }

    @Test func `only one host uses a directory`() throws {
        let store = try StateStore(directory: directory)
        let error = #expect(throws: StateStoreError.self) { try StateStore(directory: directory) }
        #expect(error?.description.contains("in use") == true)
        _ = store
    }

    @Test func `of many writers of one version one wins`() async throws {
        let store = try StateStore(directory: directory)
        let outcomes = try await withThrowingTaskGroup(of: StateStore.Outcome.self) { group in
            for index in 0..<20 { group.addTask { try store.store(version: 1, bytes: [UInt8(index)]) } }
            return try await group.reduce(into: [StateStore.Outcome]()) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == .stored }.count == 1)
        #expect(outcomes.filter { $0 == .conflict(stored: 1) }.count == 19)
    }
}
