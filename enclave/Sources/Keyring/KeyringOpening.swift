// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography
import KeyService

/// A sealed keyring as it came from the host: parsed, not opened. What it says of itself are claims.
package struct UnopenedKeyring: Sendable {
    package let claims: KeyringHeader
    /// SHA-384 of the whole file.
    private let sealedDigest: [UInt8]
    private let message: COSEEncrypt0
    private let sealCommitment: [UInt8]

    /// Parses within ``KeyringLimits``: bounds, form, protected header. Opens nothing.
    package init(parsing bytes: [UInt8]) throws(KeyringError) {
        guard bytes.count <= KeyringLimits.sealedLength else { throw .limitExceeded("sealedLength") }
        sealedDigest = Hash.digest(.sha384, bytes)
        do {
            message = try COSEEncrypt0(unopened: bytes, limits: KeyringLimits.envelope, tagging: .required)
        } catch {
            throw .malformed("not a tagged COSE_Encrypt0")
        }
        guard message.protectedBytes.count <= KeyringLimits.protectedHeaderLength else {
            throw .malformed("protected header is too long")
        }
        guard message.unprotectedHeader.entries.count == 1,
            message.unprotectedHeader[COSEHeader.initializationVector] != nil
        else { throw .malformed("unprotected header holds more than the nonce") }
        guard CBORValue.map(message.protectedHeader).encoded() == message.protectedBytes else {
            throw .malformed("protected header is not in deterministic form")
        }
        (claims, sealCommitment) = try KeyringHeader.parse(message.protectedHeader)
    }

    /// Opens, in this order: the keyring's id, the commitment to the seal key, the ciphertext, its contents.
    ///
    /// - Parameters:
    ///   - keyringID: The id that the measured configuration names.
    ///   - keys: Derived from the TSK.
    /// - Returns: What was sealed.
    /// - Throws: ``KeyringError``, the first in that order.
    package func open(keyringID: String, keys: borrowing KeyringKeys) throws(KeyringError) -> OpenedKeyring {
        guard claims.keyringID == keyringID else { throw .wrongKeyring }
        guard constantTimeEquals(sealCommitment, try keys.sealCommitment(version: claims.version)) else {
            throw .wrongKey
        }
        let payload: SecretBytes
        do {
            payload = try message.open(key: try keys.sealKey(version: claims.version))
        } catch let error as KeyringError {
            throw error
        } catch {
            throw .doesNotOpen
        }
        let (view, secrets) = try PayloadReader.read(payload)
        let contents = try KeyringContents(view: try PublicViewRecords(decoding: view), secrets: secrets)
        try contents.checkLimits()
        return OpenedKeyring(
            header: claims,
            contents: contents,
            publicParts: publicParts(view: view),
            sealedDigest: sealedDigest
        )
    }

    func publicParts(view: [UInt8]) -> KeyringPublicParts {
        KeyringPublicParts(protectedHeader: message.protectedBytes, view: view)
    }
}

/// A keyring that opened under the TSK. Only ``UnopenedKeyring/open(keyringID:keys:)`` makes one.
package struct OpenedKeyring: Sendable {
    package let header: KeyringHeader
    /// SHA-384 of deterministic CBOR `[protected header bytes, public view]`: what attestations carry.
    package let digest: [UInt8]
    package let contents: KeyringContents
    /// What the digest is of.
    package let publicParts: KeyringPublicParts
    /// SHA-384 of the sealed bytes.
    package let sealedDigest: [UInt8]

    fileprivate init(
        header: KeyringHeader,
        contents: KeyringContents,
        publicParts: KeyringPublicParts,
        sealedDigest: [UInt8]
    ) {
        self.header = header
        digest = publicParts.digest
        self.contents = contents
        self.publicParts = publicParts
        self.sealedDigest = sealedDigest
    }
}

extension KeyringContents {
    /// Joins the records of a public view with their secrets: as many as there are, of the right kind, and each private
    /// key the one whose public key the view names.
    fileprivate init(view: PublicViewRecords, secrets: [SharedSecret]) throws(KeyringError) {
        let count = view.keys.count + view.principals.count + (view.tls == nil ? 0 : 1)
        guard secrets.count == count else { throw .malformedContents("number of secrets") }
        var rest = secrets[...]
        var keys: [KeyRecord] = []
        for record in view.keys {
            guard let secret = rest.popFirst() else { throw .malformedContents("number of secrets") }
            let material: KeyRecord.Material =
                if let spki = record.spki {
                    .asymmetric(try Self.privateKey(secret, spki: spki))
                } else {
                    .symmetric(secret)
                }
            guard record.spec.accepts(material) else { throw .malformedContents("key material and spec") }
            keys.append(record.make(material))
        }
        var principals: [Principal] = []
        for record in view.principals {
            guard let secret = rest.popFirst() else { throw .malformedContents("number of secrets") }
            guard !principals.contains(where: { $0.accessKeyID == record.accessKeyID }) else {
                throw .malformedContents("access key ids are not unique")
            }
            principals.append(
                Principal(
                    accessKeyID: record.accessKeyID,
                    secret: secret,
                    arn: record.arn,
                    policies: record.policies,
                    creationDate: record.creationDate
                )
            )
        }
        var tlsIdentity: TLSIdentity?
        if let tls = view.tls, let secret = rest.popFirst() {
            let key = try Self.privateKey(secret, spki: tls.spki)
            do {
                tlsIdentity = try TLSIdentity(key: key, certificate: tls.certificate)
            } catch {
                throw .malformedContents("TLS certificate: \(error.code.rawValue)")
            }
        }
        self.init(keys: keys, principals: principals, tlsIdentity: tlsIdentity, lastChange: view.lastChange)
    }

    private static func privateKey(_ secret: SharedSecret, spki: [UInt8]) throws(KeyringError) -> PrivateKey {
        let key: PrivateKey
        do {
            key = try PrivateKey(uncheckedPKCS8: secret.bytes)
        } catch {
            throw .malformedContents("private key: \(error.code.rawValue)")
        }
        guard key.publicKey.spki == spki else { throw .malformedContents("private and public key differ") }
        return key
    }
}
