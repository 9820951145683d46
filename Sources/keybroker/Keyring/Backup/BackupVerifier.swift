// SPDX-License-Identifier: Apache-2.0

import AWSClient
import BrokerProtocol
import Cryptography
import Encoding
import Keyring

/// Where a backup comes from.
typealias BackupSource = @Sendable () async throws(CommandFailure) -> KeyringBackup

/// Asks the running enclave whether a backup is of what it serves.
struct BackupVerifier: Sendable {
    /// A change between reading the file and asking makes them differ once, hardly twice.
    private static let tries = 3

    private let broker: BrokerOptions
    private let expected: ExpectedEnclaveOptions

    init(_ broker: BrokerOptions, _ expected: ExpectedEnclaveOptions) {
        self.broker = broker
        self.expected = expected
    }

    /// The backup, read again where a change came between, and what the enclave says of it.
    ///
    /// - Throws: if the enclave is not the expected one, serves another version, or other bytes.
    func verified(
        _ backup: KeyringBackup,
        again: BackupSource
    ) async throws(CommandFailure) -> (KeyringBackup, BackupVerification) {
        var backup = backup
        var tries = 1
        while true {
            let enclave = try await AttestedEnclave.fetch(
                from: broker.url,
                policy: try expected.policy(configuration: backup.configurationBytes),
                transport: broker.transport()
            )
            let userData = enclave.userData
            guard let version = userData.keyringVersion, let digest = userData.keyringDigest,
                userData.keyringID == backup.claims.keyringID
            else { throw .failed("the enclave serves another keyring than \(backup.claims.keyringID)") }
            if version == backup.claims.version {
                return (
                    backup,
                    BackupVerification(
                        document: enclave.bytes,
                        version: version,
                        digest: digest,
                        bootID: userData.bootID,
                        sealedBytes: try await sealedBytes(backup, version, tlsKeyDigest: userData.tlsKeyDigest)
                    )
                )
            }
            guard tries < Self.tries else {
                throw .failed(
                    "the enclave serves version \(version), and the host's file is version \(backup.claims.version): nothing was backed up"
                )
            }
            tries += 1
            backup = try await again()
        }
    }

    private func sealedBytes(_ backup: KeyringBackup, _ version: UInt64, tlsKeyDigest: [UInt8]?)
        async throws(CommandFailure) -> BackupVerification.SealedBytes
    {
        // Over TLS to the attested key alone: a bundle can name others.
        let transport = broker.transport(pinning: tlsKeyDigest)
        let session = BrokerSession(broker, transport: transport)
        guard let status = try? await session.call(.getStatus, JSONObject()),
            let said = status["KeyringSealedDigest"]?.string
        else { return .unchecked }
        guard status["KeyringVersion"]?.int64 == Int64(clamping: version),
            said == Hex.encode(Hash.digest(.sha384, backup.keyring))
        else { throw .failed("the enclave serves other bytes than the host's file: nothing was backed up") }
        return tlsKeyDigest != nil && broker.url.hasPrefix("https://") ? .attestedTLS : .plainHTTP
    }
}
