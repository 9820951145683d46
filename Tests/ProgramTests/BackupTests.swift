// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import KeyringFiles
import TestSupport
import Testing

/// `keybroker keyring backup` and `restore`, over a host's files.
struct BackupTests {
    private func backup(_ host: BackupFolder, to name: String) async throws -> String {
        let result = try await host.run(["backup", "--host", host.file("host.json"), "-o", host.file(name)])
        #expect(result.status == 0, "\(result.errors)")
        return host.file(name)
    }

    private func restore(_ backup: String, _ host: BackupFolder, _ arguments: String...) async throws -> Tool.Result {
        try await host.run(["restore", backup, "--host", host.file("host.json")] + arguments)
    }

    // MARK: Backup

    @Test func `a backup has keyring and configuration byte for byte, and a manifest of their digests`() async throws {
        let host = try await BackupFolder()
        let bytes = try host.store(version: 12)
        let result = try await host.run([
            "backup", "--state", host.state, "--config", host.configuration, "-o", host.file("backup"), "--json",
        ])
        #expect(result.status == 0, "\(result.errors)")
        #expect(try RunningBroker.bytes(host.file("backup/keyring.cose")) == bytes)
        let configuration = try RunningBroker.bytes(host.configuration)
        #expect(try RunningBroker.bytes(host.file("backup/configuration.json")) == configuration)
        let manifest = try #require(try JSON.parse(result.output).object)
        #expect(try JSON.parse(try RunningBroker.bytes(host.file("backup/manifest.json"))) == .object(manifest))
        #expect(manifest["version"] == 12)
        #expect(manifest["keyringId"] == "k")
        #expect(manifest["attested"] == nil)
        for (member, file) in [("keyring", "keyring.cose"), ("configuration", "configuration.json")] {
            let sum = try await Programs.run(["sha384sum", host.file("backup/\(file)")]).text
            #expect(manifest[member]?.object?["sha384"]?.string == String(sum.prefix(96)))
        }
    }

    @Test func `a backup says that nothing vouches for it, and replaces nothing`() async throws {
        let host = try await BackupFolder()
        let arguments = ["backup", "--host", host.file("host.json"), "-o", host.file("backup")]
        let first = try await host.run(arguments)
        #expect(first.text.contains("not verified"))
        let second = try await host.run(arguments)
        #expect(second.status == 2)
        #expect(second.errors.contains("exists"))
    }

    @Test func `a running host can be backed up, and nothing can be restored under it`() async throws {
        let host = try await BackupFolder()
        let running = try StateStore(directory: host.state)
        let backup = try await backup(host, to: "backup")
        let result = try await restore(backup, host)
        #expect(result.status == 1)
        #expect(result.errors.contains("stop keybroker-host"))
        _ = running
    }

    // MARK: Restore

    @Test func `a host that has nothing gets keyring and configuration byte for byte`() async throws {
        let host = try await BackupFolder()
        try host.store(version: 3)
        let backup = try await backup(host, to: "backup")
        let before = (try host.current().bytes, try RunningBroker.bytes(host.configuration))
        try FileManager.default.removeItem(atPath: host.state)
        try FileManager.default.removeItem(atPath: host.configuration)
        #expect(try await restore(backup, host).status == 0)
        #expect(try host.current() == .init(name: "keyring-3.cose", bytes: before.0))
        #expect(try RunningBroker.bytes(host.configuration) == before.1)
    }

    @Test func `a newer backup replaces an older keyring without force`() async throws {
        let host = try await BackupFolder()
        try host.store(version: 3)
        let backup = try await backup(host, to: "backup")
        try FileManager.default.removeItem(atPath: "\(host.state)/keyring-3.cose")
        #expect(try host.current().name == "keyring-1.cose")
        #expect(try await restore(backup, host).status == 0)
        #expect(try host.current().name == "keyring-3.cose")
    }

    @Test func `an older backup needs force, says what it undoes, and keeps what was there aside`() async throws {
        let host = try await BackupFolder()
        let backup = try await backup(host, to: "backup")
        let newer = try host.store(version: 10)
        let refused = try await restore(backup, host)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("version 10 is stored, and the backup is version 1"))
        #expect(refused.errors.contains("old policies work again"))
        #expect(try host.current() == .init(name: "keyring-10.cose", bytes: newer))

        let forced = try await restore(backup, host, "--force", "--json")
        #expect(forced.status == 0, "\(forced.errors)")
        #expect(try host.current().name == "keyring-1.cose")
        let moved = try #require(try JSON.parse(forced.output).object?["moved"]?.array?.first?.string)
        #expect(try RunningBroker.bytes(moved) == newer)
    }

    @Test func `another version of the same number needs force`() async throws {
        let host = try await BackupFolder()
        try host.store(version: 2)
        let backup = try await backup(host, to: "backup")
        let other = try host.store(version: 2)
        let refused = try await restore(backup, host)
        #expect(refused.errors.contains("fork"))
        #expect(try host.current().bytes == other)
        #expect(try await restore(backup, host, "--force").status == 0)
        #expect(try host.current().bytes == RunningBroker.bytes("\(backup)/keyring.cose"))
    }

    @Test func `a backup below the floor is refused, forced or not`() async throws {
        let host = try await BackupFolder()
        let backup = try await backup(host, to: "backup")
        let newer = try host.store(version: 5)
        let text = String(decoding: try RunningBroker.bytes(host.configuration), as: UTF8.self)
        let raised = text.replacing(/"minimumKeyringVersion": ?1/, with: #""minimumKeyringVersion":5"#)
        #expect(raised != text)
        try RunningBroker.write(Array(raised.utf8), host.configuration)
        for force in [[], ["--force"]] {
            let result = try await host.run(["restore", backup, "--host", host.file("host.json")] + force)
            #expect(result.status == 1)
            #expect(result.errors.contains("the configuration's floor is 5"))
            #expect(try host.current() == .init(name: "keyring-5.cose", bytes: newer))
        }
    }

    @Test func `another keyring, or one under another TSK, needs force`() async throws {
        let host = try await BackupFolder()
        let named = try await BackupFolder(keyringID: "other")
        let sealed = try await BackupFolder(tsk: [UInt8](1...32))
        for (other, reason) in [(named, "the configuration names k"), (sealed, "under another TSK")] {
            let backup = try await backup(other, to: "backup")
            let before = try host.current()
            let result = try await restore(backup, host)
            #expect(result.status == 1)
            #expect(result.errors.contains(reason), "\(result.errors)")
            #expect(result.errors.contains("the enclave will refuse it"))
            #expect(try host.current() == before)
        }
        #expect(try await restore(named.file("backup"), host, "--force").status == 0)
        #expect(try host.current().bytes == RunningBroker.bytes(named.file("backup/keyring.cose")))
    }

    @Test func `a damaged backup is refused, forced or not`() async throws {
        let host = try await BackupFolder()
        try host.store(version: 2)
        let manifest = try await backup(host, to: "backup") + "/manifest.json"
        for (file, change) in [
            ("keyring.cose", { (bytes: inout [UInt8]) in bytes[bytes.count - 1] ^= 1 }),
            ("configuration.json", { bytes in bytes.append(0x20) }),
            ("keyring.cose", { bytes in bytes.removeLast() }),
        ] {
            let path = host.file("backup/\(file)")
            let whole = try RunningBroker.bytes(path)
            var damaged = whole
            change(&damaged)
            try RunningBroker.write(damaged, path)
            let result = try await restore(host.file("backup"), host, "--force")
            #expect(result.status == 1)
            #expect(result.errors.contains("damaged"), "\(file): \(result.errors)")
            try RunningBroker.write(whole, path)
        }
        let text = String(decoding: try RunningBroker.bytes(manifest), as: UTF8.self)
        for (from, to) in [(#""version": 2"#, #""version": 9"#), (#""format": 1"#, #""format": 2"#)] {
            let changed = text.replacing(from, with: to)
            #expect(changed != text)
            try RunningBroker.write(Array(changed.utf8), manifest)
            #expect(try await restore(host.file("backup"), host, "--force").status != 0)
        }
        #expect(try host.current().name == "keyring-2.cose")
    }
}
