// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import Foundation

struct KeyringBackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the sealed keyring and the configuration out of a host.",
        discussion: """
            Neither is secret: they open nowhere but in the enclave to which KMS releases the TSK. Both are needed to
            restore, and the KMS key; if that key is gone, so are all keys of the broker. The host may be running.

              keybroker keyring backup --host /etc/keybroker/host.json -o backup-2026-11-21

            Over the relay of a running host, for whoever may open its socket: --relay unix:///run/keybroker/relay.sock.

            With --endpoint the running enclave is asked whether this is the keyring that it serves: its attestation must
            name this version, and its status, over TLS that ends in it, the digest of these very bytes. Without, the host
            could have handed out anything.

              keybroker keyring backup --host host.json -o backup --endpoint https://broker.internal:4600 --pcr 0=3f1c…
            """
    )

    @OptionGroup var host: HostFilesOptions

    @Option(help: ArgumentHelp("Ask a running host's relay instead of reading its files.", valueName: "ENDPOINT"))
    var relay: String?

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The backup: a new folder.", valueName: "FOLDER"))
    var output: String

    @OptionGroup(title: "The broker") var broker: BrokerOptions
    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Flag(help: "Print the manifest (docs/reference/backup-manifest.schema.json).")
    var json = false

    /// Reads keyring and configuration as they are at that moment.
    private func source() throws(CommandFailure) -> BackupSource {
        if let relay {
            guard host.hostFile == nil, host.state == nil, expected.config == nil else {
                throw .usage("--relay hands out keyring and configuration: leave --host, --state and --config out")
            }
            let reader = try RelayReader(relay)
            return { () async throws(CommandFailure) in try await reader.backup() }
        }
        guard let paths = try host.paths(configuration: expected.config) else {
            throw .usage("name the host: --host host.json, --state and --config, or --relay")
        }
        return { () async throws(CommandFailure) in try KeyringBackup.read(paths) }
    }

    func run() async throws {
        let source = try source()
        guard !FileManager.default.fileExists(atPath: output) else {
            throw CommandFailure.usage("\(output) exists: a backup is a new folder")
        }
        var backup = try await source()
        var verification: BackupVerification?
        if broker.endpoint != nil {
            (backup, verification) = try await BackupVerifier(broker, expected).verified(backup, again: source)
        }
        let manifest = try backup.write(to: output, attested: verification, now: SystemClock.now())
        guard !json else {
            Console.json(manifest.json)
            return
        }
        Console.line("keyring     \(manifest.keyringID), version \(manifest.version)")
        Console.line("sha384      \(Hex.encode(manifest.keyring.sha384))")
        Console.line("wrote       \(output)")
        Console.line(
            verification.map(\.text) ?? "not verified: these are the claims of the file; --endpoint asks the enclave"
        )
    }
}

extension BackupVerification {
    fileprivate var text: String {
        switch sealedBytes {
        case .attestedTLS: "verified: the enclave serves this version, and these bytes"
        case .plainHTTP:
            "verified: the enclave attests this version; the bytes were compared over plain HTTP, where the host can forge the answer"
        case .unchecked:
            "attested: the enclave serves this version; its status does not say whether these are the bytes"
        }
    }
}
