// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import BrokerProtocol
import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Keyring
import SecurityModule

/// Makes identity documents. Callers choose the nonce and which key is named, nothing else: `user_data` is the
/// enclave's, and `public_key` is never set, so that no document of this kind unwraps anything.
struct AttestationDesk: Sendable {
    let module: SecurityModule

    /// A document of what runs now, and of `key` if there is one. Asks the module: not for an event loop.
    func document(_ unlocked: Unlocked, nonce: [UInt8], key: KeyRecord?) throws(KMSError) -> [UInt8] {
        guard attestationNonceLength.contains(nonce.count) else { throw Self.nonceLengthError }
        let userData = try Self.userData(unlocked, key: key).encoded()
        do {
            return try module.attest(userData: userData, nonce: nonce, publicKey: nil)
        } catch {
            throw KMSError("KMSInternalException", "The security module made no document.")
        }
    }

    static func userData(_ unlocked: Unlocked, key: KeyRecord?) throws(KMSError) -> AttestationUserData {
        let configured = unlocked.configured
        var userData = AttestationUserData(
            purpose: .identity,
            brokerID: configured.configuration.brokerID,
            configurationDigest: configured.configurationDigest,
            bootID: configured.bootID
        )
        userData.keyringID = unlocked.header.keyringID
        userData.keyringVersion = unlocked.header.version
        userData.keyringDigest = unlocked.digest
        userData.tlsKeyDigest = unlocked.tls?.identity.certificate.publicKeySHA256
        userData.channel = configured.configuration.kms.channel
        if let key {
            // A symmetric key has nothing public to name.
            guard let spki = key.spki else { throw .noPublicKey }
            let createdAt = UInt64(clamping: key.creationDate.seconds)
            userData.signingKeyDigest = Hash.digest(.sha256, spki)
            userData.signingKeyOrigin = (key.origin.attested(born: configured.configuration.tsk.born), createdAt)
        }
        return userData
    }

    static let nonceLengthError = KMSError.validation(
        "1 validation error detected: Value at 'nonce' failed to satisfy constraint: Member must have length between "
            + "\(attestationNonceLength.lowerBound) and \(attestationNonceLength.upperBound)"
    )
}

extension KeyRecord.Origin {
    /// Whoever made an offline keyring knows its TSK, and so could open what the enclave seals later: a key that was made
    /// inside counts for no more than the keyring that it lies in.
    fileprivate func attested(born: String) -> AttestationUserData.KeyOrigin {
        switch self {
        case .imported: .imported
        case .inside where born != BrokerConfiguration.bornOffline: .madeInside
        case .offline, .inside: .madeOffline
        }
    }
}
