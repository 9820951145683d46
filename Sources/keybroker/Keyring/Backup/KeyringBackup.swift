// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import Keyring
import KeyringFiles

/// A sealed keyring and the configuration under which it opens: what a broker is restored from, together with KMS's key.
struct KeyringBackup: Sendable {
    let keyring: [UInt8]
    let claims: KeyringHeader
    let configurationBytes: [UInt8]
    let configuration: BrokerConfiguration

    init(keyring: [UInt8], configuration bytes: [UInt8]) throws(CommandFailure) {
        self.keyring = keyring
        configurationBytes = bytes
        do {
            claims = try UnopenedKeyring(parsing: keyring).claims
        } catch {
            throw .failed("not a sealed keyring: \(error)")
        }
        do {
            configuration = try BrokerConfiguration(json: bytes)
            try configuration.validate()
        } catch {
            throw .failed("not a broker's configuration: \(error)")
        }
    }

    /// What a host hands out now; also while it runs.
    static func read(_ paths: HostFilesOptions.Paths) throws(CommandFailure) -> KeyringBackup {
        let stored: StateStore.StoredKeyring?
        do {
            stored = try StateStore.current(in: paths.state)
        } catch {
            throw .usage("\(error)")
        }
        guard let stored else { throw .usage("\(paths.state): no keyring is stored there") }
        let backup = try KeyringBackup(keyring: stored.bytes, configuration: try InputFile.read(paths.configuration))
        guard backup.claims.version == stored.version else {
            throw .failed(
                "\(paths.state)/keyring-\(stored.version).cose says that it is version \(backup.claims.version): the enclave will tell"
            )
        }
        return backup
    }

    /// A backup that was made before: every byte as its manifest says.
    static func open(_ folder: String) throws(CommandFailure) -> KeyringBackup {
        let manifest: BackupManifest
        let path = "\(folder)/\(BackupManifest.fileName)"
        let bytes = try InputFile.read(path)
        do {
            manifest = try BackupManifest(bytes)
        } catch {
            throw .usage("\(path): \(error)")
        }
        func part(_ name: String, _ expected: BackupManifest.Part) throws(CommandFailure) -> [UInt8] {
            let bytes = try InputFile.read("\(folder)/\(name)")
            guard BackupManifest.Part(bytes) == expected else {
                throw .failed("\(folder)/\(name) is not what the manifest says: the backup is damaged")
            }
            return bytes
        }
        let backup = try KeyringBackup(
            keyring: try part(BackupManifest.keyringFile, manifest.keyring),
            configuration: try part(BackupManifest.configurationFile, manifest.configuration)
        )
        guard backup.claims.version == manifest.version, backup.claims.keyringID == manifest.keyringID else {
            throw .failed("\(path): keyring and manifest name different versions")
        }
        return backup
    }

    /// Writes keyring, configuration and manifest into `folder`, which must not exist: whole, or not at all.
    func write(to folder: String, attested: BackupVerification?, now: Timestamp) throws(CommandFailure)
        -> BackupManifest
    {
        let manifest = BackupManifest(
            claims: claims,
            keyring: keyring,
            configuration: configuration,
            bytes: configurationBytes,
            attested: attested?.json,
            now: now
        )
        var files = [
            (name: BackupManifest.keyringFile, bytes: keyring),
            (name: BackupManifest.configurationFile, bytes: configurationBytes),
            (name: BackupManifest.fileName, bytes: manifest.json.serialized(pretty: true) + [0x0A]),
        ]
        if let attested { files.append((name: BackupManifest.attestationFile, bytes: attested.document)) }
        do {
            try DurableFile.writeFolder(folder, files)
        } catch {
            throw .failed("\(error)")
        }
        return manifest
    }
}
