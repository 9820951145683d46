// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Keyring

/// Opens and seals the keyring under the keys that follow from the TSK, which it alone holds, and has the host store each
/// new version.
final class KeyringStore: Sendable {
    private let keys: KeyringKeys
    /// Of this boot: what the versions that it seals name as their writer.
    private let bootID: [UInt8]
    private let relay: RelayClient
    private let random: RandomSource
    private let retry: RetryPolicy
    private let log: EnclaveLog

    init(keys: consuming KeyringKeys, bootID: [UInt8], _ environment: BootEnvironment, log: EnclaveLog) {
        self.keys = keys
        self.bootID = bootID
        relay = RelayClient(environment.relay)
        random = environment.random
        retry = environment.retry
        self.log = log
    }

    func open(_ sealed: UnopenedKeyring, keyringID: String) throws(KeyringError) -> OpenedKeyring {
        try sealed.open(keyringID: keyringID, keys: keys)
    }

    /// Seals the version that follows the one with this header and digest.
    func seal(_ contents: KeyringContents, after header: KeyringHeader, digest: [UInt8]) throws(KeyringError)
        -> SealedKeyring
    {
        let next = KeyringHeader(
            keyringID: header.keyringID,
            version: header.version + 1,
            previousDigest: digest,
            writerBootID: bootID
        )
        return try contents.sealed(as: next, under: keys, random: random)
    }

    /// Has the host store `keyring`: the same bytes again and again until it says that they are stored, or that they
    /// cannot be. As long as neither is known, no other version may be made: it could become a second one of this number.
    ///
    /// - Throws: ``KeyringStoreError``; `undecided` when the task is cancelled or no try is left.
    func store(_ keyring: SealedKeyring) async throws(KeyringStoreError) {
        var failures = 0
        while true {
            let answer: RelayClient.StoreAnswer?
            do {
                answer = try await relay.store(version: keyring.header.version, keyring.bytes)
            } catch {
                answer = nil
                failures += 1
                log.warning("keyring version \(keyring.header.version) may not be stored: \(error)")
            }
            switch answer {
            case .stored: return
            case .conflict: throw .conflict
            case nil: break
            }
            guard let pause = retry.delay(after: failures) else { throw .undecided }
            do { try await Task.sleep(for: pause) } catch { throw .undecided }
        }
    }
}

enum KeyringStoreError: Error, Equatable, Sendable {
    /// The host has another version of this number, or a later one: somebody else writes this keyring, or the host's
    /// store went back. Nothing mends it but a restart, which reads what is there.
    case conflict
    /// Whether the version is stored is not known.
    case undecided
}
