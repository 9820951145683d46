// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import BrokerProtocol
import Cryptography
import Encoding
import KeyService
import Keyring
import NitroAttestation
import SecurityModule

/// One try to get from configured to unlocked. Nothing of it outlives it but the result.
struct Unlock: Sendable {
    /// Bytes of the nonce in the enclave's own documents.
    private static let nonceLength = 32

    let configured: Configured
    let environment: BootEnvironment
    let relay: RelayClient
    let recipientKeys: RecipientKeys
    let log: EnclaveLog

    private var configuration: BrokerConfiguration { configured.configuration }

    func run() async throws(BootFailure) -> Unlocked {
        let sealed = try await fetchKeyring()
        let envelope: KMSDecrypt.Answer
        let key: PrivateKey
        let asked = ContinuousClock.now
        do {
            key = try await recipientKeys.take()
        } catch {
            throw .terminal(error)
        }
        // What a boot spends on chance: primes are found sooner or later.
        let waited = (ContinuousClock.now - asked) / .milliseconds(1)
        log.info("recipient key ready", [("waitedMilliseconds", .number(JSONNumber(Int64(waited))))])
        let document = try self.document(for: key)
        do {
            envelope = try await KMSDecrypt.send(configuration, document: document, relay)
        } catch {
            throw .retryable(error)
        }
        if let keyID = envelope.keyID, keyID != configuration.kms.keyARN {
            log.warning("KMS names another key than the configuration", [("keyId", .string(quoted(keyID)))])
        }
        let store: KeyringStore
        let opened: OpenedKeyring
        do {
            let keys = try accept(envelope.envelope, with: key)
            store = KeyringStore(keys: keys, bootID: configured.bootID, environment, log: log)
            opened = try open(sealed, with: store)
        } catch {
            throw .terminal(error)
        }
        let identity = IngressIdentity(configuration: configuration, environment: environment, log: log)
        let current = try await identity.ensured(
            in: KeyringVersion(opened),
            at: try moduleTime(of: document),
            store
        )
        do {
            return try measured(opened, current, store)
        } catch {
            throw .terminal(error)
        }
    }

    /// The module's time, out of a document that it just made.
    private func moduleTime(of document: [UInt8]) throws(BootFailure) -> Timestamp {
        guard let parsed = try? UnverifiedAttestation(parsing: document) else {
            throw .terminal(TerminalFailure(.securityModule, "Attestation: not a document"))
        }
        return parsed.claims.timestamp
    }

    // MARK: Keyring, as it is stored

    /// The sealed keyring: bounds and form now, the rest once there is a key.
    private func fetchKeyring() async throws(BootFailure) -> UnopenedKeyring {
        let bytes: [UInt8]?
        do {
            bytes = try await relay.keyring()
        } catch {
            throw .retryable(RetryableFailure(.relay, "\(error)"))
        }
        guard let bytes else { throw .retryable(RetryableFailure(.noKeyring, "the host stores no keyring")) }
        do {
            return try UnopenedKeyring(parsing: bytes)
        } catch {
            throw .terminal(TerminalFailure(.keyringMalformed, "\(error)"))
        }
    }

    // MARK: Document

    private func document(for key: PrivateKey) throws(BootFailure) -> [UInt8] {
        var userData = AttestationUserData(
            purpose: .unlock,
            brokerID: configuration.brokerID,
            configurationDigest: configured.configurationDigest,
            bootID: configured.bootID
        )
        userData.keyringID = configuration.keyringID
        userData.channel = configuration.kms.channel
        let nonce: [UInt8]
        do {
            nonce = try environment.random(Self.nonceLength)
        } catch {
            throw .terminal(TerminalFailure(.cryptography, "no random bytes"))
        }
        do {
            return try environment.module.attest(
                userData: userData.encoded(),
                nonce: nonce,
                publicKey: key.publicKey.spki
            )
        } catch {
            throw .terminal(TerminalFailure(.securityModule, "Attestation: \(error)"))
        }
    }

    // MARK: TSK

    /// Opens the envelope, and accepts what is in it only if it matches the commitment in the measured configuration:
    /// the host knows the public key and can encrypt a TSK of its own to it, and a role that may `Encrypt` under the KMS
    /// key can wrap one. One failure for everything that can be wrong after the envelope arrived.
    private func accept(_ envelope: [UInt8], with key: PrivateKey) throws(TerminalFailure) -> KeyringKeys {
        do {
            let tsk = try TrustedSessionKey(try CMSEnvelopedData.open(envelope, key: key))
            let keys = try tsk.keys(keyringID: configuration.keyringID, kmsKeyARN: configuration.kms.keyARN)
            guard constantTimeEquals(try keys.commitment(), configuration.tsk.commitment) else {
                throw KeyringError.wrongKey
            }
            return keys
        } catch {
            throw TerminalFailure(
                .tsk,
                "KMS's answer does not hold the TSK that the measured configuration commits to"
            )
        }
    }

    // MARK: Keyring, opened

    private func open(_ sealed: UnopenedKeyring, with store: KeyringStore) throws(TerminalFailure) -> OpenedKeyring {
        let opened: OpenedKeyring
        do {
            opened = try store.open(sealed, keyringID: configuration.keyringID)
        } catch {
            throw TerminalFailure(Self.code(of: error), "\(error)")
        }
        guard opened.header.version >= configuration.minimumKeyringVersion else {
            throw TerminalFailure(
                .keyringVersion,
                "version \(opened.header.version) is below the configuration's \(configuration.minimumKeyringVersion)"
            )
        }
        return opened
    }

    private static func code(of error: KeyringError) -> TerminalFailure.Code {
        switch error {
        case .malformed, .limitExceeded: .keyringMalformed
        case .wrongKeyring: .keyringID
        case .wrongKey, .doesNotOpen, .invalidKeyLength: .keyringSeal
        case .malformedContents: .keyringContents
        case .cryptography: .cryptography
        }
    }

    /// Judges the contents, and only then measures the keyring that was opened into PCR17. Served is `keyring`: that
    /// one, or the next version.
    private func measured(_ opened: OpenedKeyring, _ keyring: KeyringVersion, _ store: KeyringStore)
        throws(TerminalFailure) -> Unlocked
    {
        let keys: KeyTable
        let principals: PrincipalTable
        do {
            keys = try KeyTable(
                keyring.contents.keys,
                account: configuration.account,
                region: configuration.region
            )
        } catch {
            throw TerminalFailure(.keyringContents, "\(error)")
        }
        do {
            principals = try PrincipalTable(keyring.contents.principals, account: configuration.account)
        } catch {
            throw TerminalFailure(.keyringContents, "policy of a principal: \(error)")
        }
        let tls: TLSServer?
        do {
            tls = configuration.ingressTLS ? try keyring.contents.tlsIdentity.map(TLSServer.init) : nil
        } catch {
            throw TerminalFailure(.keyringContents, "\(error)")
        }
        _ = try Measurement.extendAndLock(PCR.keyring, with: opened.digest, environment.module)
        return Unlocked(
            configured: configured,
            header: keyring.header,
            digest: keyring.digest,
            contents: keyring.contents,
            keys: keys,
            authenticator: Authenticator(configuration, principals),
            store: store,
            tls: tls,
            sealedDigest: keyring.sealedDigest
        )
    }
}
