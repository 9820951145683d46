// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import Encoding
import Foundation
import Keyring
import KeyringFiles

struct KeyringRestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup back into a host's state folder.",
        discussion: """
            The host must be stopped. What is there and newer, or another keyring, is not replaced without --force, and is
            kept beside it in any case. A keyring below the configuration's minimumKeyringVersion is never put back: no
            enclave would open it. Where the host has no configuration yet, the backup's is written.

            Going back to an older version undoes every change since: keys made since are gone, deleted access keys and
            old policies work again, and clients that saw the newer version refuse the broker (keybroker trust) until they
            are told. The next change then makes a second version of a number that existed: a fork.

              keybroker keyring restore backup-2026-11-21 --host /etc/keybroker/host.json
            """
    )

    @Argument(help: ArgumentHelp("The backup.", valueName: "FOLDER"))
    var backup: String

    @OptionGroup var host: HostFilesOptions

    @Option(help: ArgumentHelp("The broker's configuration that the host hands out.", valueName: "FILE"))
    var config: String?

    @Flag(help: "Replace a newer or another keyring.")
    var force = false

    @Flag(help: "Print JSON (docs/reference/operator-output.schema.json).")
    var json = false

    func run() throws {
        guard let paths = try host.paths(configuration: config) else {
            throw CommandFailure.usage("name the host: --host host.json, or --state and --config")
        }
        let backup = try KeyringBackup.open(backup)
        let hasConfiguration = FileManager.default.fileExists(atPath: paths.configuration)
        let configuration = try hasConfiguration ? Self.configuration(paths.configuration) : backup.configuration
        guard backup.claims.version >= configuration.minimumKeyringVersion else {
            throw CommandFailure.failed(
                "the backup is version \(backup.claims.version), and the configuration's floor is \(configuration.minimumKeyringVersion): no enclave opens it, --force or not"
            )
        }
        let store: StateStore
        do {
            store = try StateStore(directory: paths.state)
        } catch {
            throw CommandFailure.failed("\(error): stop keybroker-host before a restore")
        }
        var concerns = Self.concerns(backup, under: configuration)
        let stored = try Self.stored(store, paths.state)
        concerns += Self.concerns(backup, over: stored)
        guard concerns.isEmpty || force else {
            throw CommandFailure.failed(
                concerns.joined(separator: "; ") + ". Nothing was changed; --force does it all the same"
            )
        }
        if !hasConfiguration { try Self.writeConfiguration(backup.configurationBytes, to: paths.configuration) }
        let moved = try replace(
            backup,
            in: store,
            isOther: stored.map { $0.claims?.keyringID != backup.claims.keyringID }
        )
        report(backup, paths, concerns, moved: moved, wroteConfiguration: !hasConfiguration)
    }

    // MARK: What speaks against it

    private struct Stored {
        let version: UInt64
        let bytes: [UInt8]
        /// Nil if it is no keyring.
        let claims: KeyringHeader?
    }

    private static func stored(_ store: StateStore, _ folder: String) throws(CommandFailure) -> Stored? {
        do {
            return try store.current().map { keyring in
                Stored(
                    version: keyring.version,
                    bytes: keyring.bytes,
                    claims: try? UnopenedKeyring(parsing: keyring.bytes).claims
                )
            }
        } catch {
            throw .failed("\(folder): \(error)")
        }
    }

    private static func configuration(_ path: String) throws(CommandFailure) -> BrokerConfiguration {
        let bytes = try InputFile.read(path)
        do {
            return try BrokerConfiguration(json: bytes)
        } catch {
            throw .usage("\(path): \(error)")
        }
    }

    private static func concerns(_ backup: KeyringBackup, under configuration: BrokerConfiguration) -> [String] {
        var concerns: [String] = []
        if backup.claims.keyringID != configuration.keyringID {
            concerns.append(
                "the backup is keyring \(backup.claims.keyringID), and the configuration names \(configuration.keyringID): the enclave will refuse it"
            )
        } else if backup.configuration.tsk.commitment != configuration.tsk.commitment
            || backup.configuration.kms.keyARN != configuration.kms.keyARN
        {
            concerns.append(
                "the backup was sealed under another TSK than the configuration commits to: the enclave will refuse it"
            )
        }
        return concerns
    }

    private static func concerns(_ backup: KeyringBackup, over stored: Stored?) -> [String] {
        guard let stored else { return [] }
        guard let claims = stored.claims else {
            return ["what is stored as version \(stored.version) is no keyring: it is kept aside"]
        }
        if claims.keyringID != backup.claims.keyringID {
            return ["keyring \(claims.keyringID) is stored: it is taken out of service"]
        }
        if stored.version > backup.claims.version {
            return [
                "version \(stored.version) is stored, and the backup is version \(backup.claims.version): every change since is undone, deleted access keys and old policies work again, and clients that saw the newer version refuse the broker"
            ]
        }
        if stored.version == backup.claims.version, stored.bytes != backup.keyring {
            return [
                "another version \(stored.version) is stored: one of the two is a fork, and clients that saw the other refuse this one"
            ]
        }
        return []
    }

    // MARK: Doing it

    private static func writeConfiguration(_ bytes: [UInt8], to path: String) throws(CommandFailure) {
        let url = URL(fileURLWithPath: path)
        let name = url.lastPathComponent
        do {
            try DurableFile.write(
                bytes,
                to: name,
                temporary: ".\(name).tmp",
                in: url.deletingLastPathComponent().path,
                mode: 0o644
            )
        } catch {
            throw .failed("\(error)")
        }
    }

    private func replace(_ backup: KeyringBackup, in store: StateStore, isOther: Bool?) throws(CommandFailure)
        -> [String]
    {
        let stamp = SystemClock.now().rfc3339.filter { $0 != "-" && $0 != ":" }
        do {
            return try store.restore(
                .init(version: backup.claims.version, bytes: backup.keyring),
                replacingAll: isOther ?? false,
                stamp: stamp
            )
        } catch {
            throw .failed("\(error)")
        }
    }

    private func report(
        _ backup: KeyringBackup,
        _ paths: HostFilesOptions.Paths,
        _ concerns: [String],
        moved: [String],
        wroteConfiguration: Bool
    ) {
        let claims = backup.claims
        guard !json else {
            Console.json([
                "keyringId": .string(claims.keyringID), "version": .number(JSONNumber(Int64(clamping: claims.version))),
                "state": .string(paths.state), "configuration": .string(paths.configuration),
                "configurationWritten": .bool(wroteConfiguration), "moved": .array(moved.map { .string($0) }),
                "overridden": .array(concerns.map { .string($0) }),
            ])
            return
        }
        for concern in concerns { Console.error("forced: \(concern)") }
        Console.line("restored    \(claims.keyringID), version \(claims.version), in \(paths.state)")
        if wroteConfiguration { Console.line("wrote       \(paths.configuration)") }
        for path in moved { Console.line("kept aside  \(path)") }
        Console.line("Start keybroker-host; keybroker attest shows the version that is served then.")
    }
}
