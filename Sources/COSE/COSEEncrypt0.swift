// SPDX-License-Identifier: Apache-2.0

package import CBOR
package import Cryptography

/// COSE_Encrypt0 (RFC 9052 section 5.2), parsed and not opened.
package struct COSEEncrypt0: Sendable {
    /// CBOR tag of the message type (RFC 9052 section 2).
    private static let tag: UInt8 = 16
    /// Protected header, unprotected header, ciphertext.
    private static let elements = 3

    package let isTagged: Bool
    /// The received bytes of the protected header (the content of its byte string).
    package let protectedBytes: [UInt8]
    /// The protected header, decoded; empty for an empty byte string. Not authentic before ``open(key:externalAAD:)``.
    package let protectedHeader: CBORMap
    package let unprotectedHeader: CBORMap
    /// Ciphertext with the 16-byte tag at its end.
    package let ciphertext: [UInt8]

    /// What the ciphertext's tag covers of the protected header.
    private let authenticatedHeader: [UInt8]

    /// Parses; opens nothing.
    ///
    /// - Parameters:
    ///   - bytes: The whole message.
    ///   - limits: For the message, and again for the protected header inside it.
    ///   - tagging: Whether tag 16 may or must be there.
    /// - Throws: `COSEError`: `malformed`, `wrongStructure`, `unexpectedTag`, `invalidHeader`, or `missingPayload` for
    ///   a detached ciphertext.
    package init(
        unopened bytes: [UInt8],
        limits: CBORLimits,
        tagging: COSETagging = .optional
    ) throws(COSEError) {
        let message = try COSEMessage(
            bytes,
            tag: Self.tag,
            elements: Self.elements,
            limits: limits,
            tagging: tagging,
            leniency: []
        )
        switch message.rest[0] {
        case .bytes(let bytes): ciphertext = bytes
        case .null: throw .missingPayload
        default: throw .wrongStructure
        }
        isTagged = message.isTagged
        protectedBytes = message.headers.protectedBytes
        protectedHeader = message.headers.protected
        unprotectedHeader = message.headers.unprotected
        authenticatedHeader = message.headers.authenticatedBytes
    }

    /// Opens with A256GCM; the protected header must name it, the IV stands in the unprotected header (12 bytes).
    ///
    /// - Throws: `unsupportedAlgorithm`, `invalidHeader` for the IV, `cryptography` for a key of the wrong length,
    ///   `decryptionFailed` for everything that is wrong with key, ciphertext or what it is bound to.
    package func open(key: borrowing SecretBytes, externalAAD: [UInt8] = []) throws(COSEError) -> SecretBytes {
        guard protectedHeader[COSEHeader.algorithm] == COSEAlgorithm.a256GCM.value else { throw .unsupportedAlgorithm }
        guard case .bytes(let nonce)? = unprotectedHeader[COSEHeader.initializationVector],
            nonce.count == AESGCM.nonceLength
        else { throw .invalidHeader }
        guard ciphertext.count >= AESGCM.tagLength else { throw .decryptionFailed }
        do {
            return try AESGCM.open(
                ciphertext,
                key: key,
                nonce: nonce,
                additionalData: Self.encStructure(header: authenticatedHeader, externalAAD: externalAAD)
            )
        } catch {
            throw error.code == .authenticationFailed ? .decryptionFailed : .cryptography(error)
        }
    }

    /// Seals with A256GCM under a nonce that the caller makes fresh, and returns the encoded message.
    /// The algorithm is added to `protectedHeader`; the nonce goes to the unprotected header.
    ///
    /// - Throws: `unsupportedAlgorithm` if `protectedHeader` names another, `invalidHeader`, or `cryptography` for a key
    ///   or nonce of the wrong length.
    package static func seal(
        _ plaintext: borrowing SecretBytes,
        key: borrowing SecretBytes,
        nonce: [UInt8],
        protectedHeader: CBORMap,
        externalAAD: [UInt8] = [],
        tagged: Bool = true
    ) throws(COSEError) -> [UInt8] {
        var protected = protectedHeader
        switch protected[COSEHeader.algorithm] {
        case COSEAlgorithm.a256GCM.value: break
        case nil:
            let algorithm = CBORMap.Entry(key: COSEHeader.algorithm, value: COSEAlgorithm.a256GCM.value)
            protected.entries.append(algorithm)
        default: throw .unsupportedAlgorithm
        }
        let unprotected = CBORMap([(COSEHeader.initializationVector, .bytes(nonce))])
        let headers = try COSEHeaders(protected: protected, unprotected: unprotected)
        let structure = encStructure(header: headers.authenticatedBytes, externalAAD: externalAAD)
        let ciphertext: [UInt8]
        do {
            ciphertext = try plaintext.withBytes { (bytes) throws(CryptographyError) in
                try AESGCM.seal(bytes, key: key, nonce: nonce, additionalData: structure)
            }
        } catch {
            throw .cryptography(error)
        }
        return COSEMessage.encode(tag: tagged ? UInt64(tag) : nil, headers: headers, rest: [.bytes(ciphertext)])
    }

    /// Enc_structure (RFC 9052 section 5.3).
    private static func encStructure(header: [UInt8], externalAAD: [UInt8]) -> [UInt8] {
        CBORValue.array([.text("Encrypt0"), .bytes(header), .bytes(externalAAD)]).encoded()
    }
}
