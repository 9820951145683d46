// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
package import Cryptography
import KeyService

/// One version of a keyring, sealed: the bytes to store and the digest that names them.
package struct SealedKeyring: Sendable {
    /// Tagged COSE_Encrypt0. A retry of a store resends these very bytes: they are never sealed twice.
    package let bytes: [UInt8]
    package let header: KeyringHeader
    /// What the digest is of.
    package let publicParts: KeyringPublicParts
    /// SHA-384 of deterministic CBOR `[protected header bytes, public view]`.
    package let digest: [UInt8]
    /// SHA-384 of ``bytes``: what whoever has only those can compare.
    package let sealedDigest: [UInt8]

    init(bytes: [UInt8], header: KeyringHeader, publicParts: KeyringPublicParts) {
        self.bytes = bytes
        self.header = header
        self.publicParts = publicParts
        digest = publicParts.digest
        sealedDigest = Hash.digest(.sha384, bytes)
    }
}

extension KeyringContents {
    /// Seals under the key that follows from the TSK for this version, with a fresh random nonce.
    package func sealed(
        as header: KeyringHeader,
        under keys: borrowing KeyringKeys,
        random: RandomSource
    ) throws(KeyringError) -> SealedKeyring {
        try checkLimits()
        let view = PublicViewWriter.encode(self)
        let payload = try PayloadWriter.payload(view: view, secrets: try secrets())
        let commitment = try keys.sealCommitment(version: header.version)
        let sealKey = try keys.sealKey(version: header.version)
        do {
            let bytes = try COSEEncrypt0.seal(
                payload,
                key: sealKey,
                nonce: try random(AESGCM.nonceLength),
                protectedHeader: header.map(sealCommitment: commitment)
            )
            guard bytes.count <= KeyringLimits.sealedLength else { throw KeyringError.limitExceeded("sealedLength") }
            // Reads back what was written: one definition of the protected bytes, and nothing is sealed that does not
            // open again.
            let parsed = try UnopenedKeyring(parsing: bytes)
            guard parsed.claims == header else { throw KeyringError.malformed("protected header") }
            _ = try PublicViewRecords(decoding: view)
            return SealedKeyring(bytes: bytes, header: header, publicParts: parsed.publicParts(view: view))
        } catch let error as KeyringError {
            throw error
        } catch let error as CryptographyError {
            throw .cryptography(error)
        } catch {
            throw .malformed("sealing failed")
        }
    }

    /// Secrets in the payload's order.
    private func secrets() throws(KeyringError) -> [SharedSecret] {
        var secrets: [SharedSecret] = []
        do {
            for key in keys {
                switch key.material {
                case .asymmetric(let pair): secrets.append(SharedSecret(try pair.pkcs8()))
                case .symmetric(let secret): secrets.append(secret)
                }
            }
            secrets += principals.map(\.secret)
            if let tlsIdentity { secrets.append(SharedSecret(try tlsIdentity.key.pkcs8())) }
        } catch {
            throw .cryptography(error)
        }
        return secrets
    }
}
