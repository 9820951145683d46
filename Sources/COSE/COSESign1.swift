// SPDX-License-Identifier: Apache-2.0

package import CBOR
package import Cryptography

/// COSE_Sign1 (RFC 9052 section 4.2), parsed and not verified.
package struct COSESign1: Sendable {
    /// CBOR tag of the message type (RFC 9052 section 2).
    private static let tag: UInt8 = 18
    /// Protected header, unprotected header, payload, signature.
    private static let elements = 4

    package let isTagged: Bool
    /// The received bytes of the protected header (the content of its byte string).
    package let protectedBytes: [UInt8]
    /// The protected header, decoded; empty for an empty byte string.
    package let protectedHeader: CBORMap
    package let unprotectedHeader: CBORMap
    /// Nil when detached.
    package let payload: [UInt8]?
    package let signature: [UInt8]

    /// What the signature covers of the protected header.
    private let authenticatedHeader: [UInt8]

    /// Parses; verifies nothing.
    ///
    /// - Parameters:
    ///   - bytes: The whole message.
    ///   - limits: For the message, and again for the protected header inside it.
    ///   - tagging: Whether tag 18 may or must be there.
    ///   - leniency: For the message; the protected header is always strict.
    /// - Throws: `COSEError`: `malformed`, `wrongStructure`, `unexpectedTag` or `invalidHeader`.
    package init(
        unverified bytes: [UInt8],
        limits: CBORLimits,
        tagging: COSETagging = .optional,
        allowing leniency: CBORLeniency = []
    ) throws(COSEError) {
        let message = try COSEMessage(
            bytes,
            tag: Self.tag,
            elements: Self.elements,
            limits: limits,
            tagging: tagging,
            leniency: leniency
        )
        switch message.rest[0] {
        case .bytes(let bytes): payload = bytes
        case .null: payload = nil
        default: throw .wrongStructure
        }
        guard case .bytes(let signature) = message.rest[1] else { throw .wrongStructure }
        self.signature = signature
        isTagged = message.isTagged
        protectedBytes = message.headers.protectedBytes
        protectedHeader = message.headers.protected
        unprotectedHeader = message.headers.unprotected
        authenticatedHeader = message.headers.authenticatedBytes
    }

    /// The bytes that are signed: Sig_structure (RFC 9052 section 4.4), over the received protected header.
    ///
    /// - Throws: `missingPayload` if the message has none and none is given; `wrongStructure` if both are there.
    package func sigStructure(externalAAD: [UInt8] = [], detachedPayload: [UInt8]? = nil) throws(COSEError) -> [UInt8] {
        if payload != nil, detachedPayload != nil { throw .wrongStructure }
        guard let content = payload ?? detachedPayload else { throw .missingPayload }
        return Self.sigStructure(header: authenticatedHeader, externalAAD: externalAAD, payload: content)
    }

    /// Verifies under one algorithm that the caller names; the protected header must name the same.
    ///
    /// - Throws: `unsupportedAlgorithm`; `cryptography` for a key of another kind; what ``sigStructure`` throws;
    ///   `invalidSignature`.
    package func verify(
        _ algorithm: COSEAlgorithm,
        key: PublicKey,
        externalAAD: [UInt8] = [],
        detachedPayload: [UInt8]? = nil
    ) throws(COSEError) {
        guard let signing = algorithm.signing, protectedHeader[COSEHeader.algorithm] == algorithm.value else {
            throw .unsupportedAlgorithm
        }
        guard key.algorithm == signing.key else { throw .cryptography(CryptographyError(.schemeMismatch)) }
        let signed = try sigStructure(externalAAD: externalAAD, detachedPayload: detachedPayload)
        let encoded: [UInt8]
        if let curve = signing.curve {
            guard let der = ECDSASignature.der(fromRaw: signature, curve: curve) else { throw .invalidSignature }
            encoded = der
        } else {
            encoded = signature
        }
        guard key.verify(encoded, message: signed, scheme: signing.scheme) else { throw .invalidSignature }
    }

    /// Signs.
    ///
    /// - Parameters:
    ///   - payload: What is signed.
    ///   - algorithm: One that signs.
    ///   - key: Of the kind and curve that the algorithm asks for.
    ///   - protectedHeader: Must name the algorithm; nil for a header with nothing else.
    ///   - unprotectedHeader: Written as it is.
    ///   - externalAAD: Signed, and not in the message.
    ///   - tagged: Whether tag 18 is written.
    ///   - detached: Whether the payload is left out of the message.
    /// - Returns: The encoded message.
    /// - Throws: `unsupportedAlgorithm`, `invalidHeader`, or `cryptography` for a key of another kind.
    package static func sign(
        payload: [UInt8],
        algorithm: COSEAlgorithm,
        key: PrivateKey,
        protectedHeader: CBORMap? = nil,
        unprotectedHeader: CBORMap = CBORMap(),
        externalAAD: [UInt8] = [],
        tagged: Bool = false,
        detached: Bool = false
    ) throws(COSEError) -> [UInt8] {
        let protected = protectedHeader ?? CBORMap([(COSEHeader.algorithm, algorithm.value)])
        guard let signing = algorithm.signing, protected[COSEHeader.algorithm] == algorithm.value else {
            throw .unsupportedAlgorithm
        }
        guard key.algorithm == signing.key else { throw .cryptography(CryptographyError(.schemeMismatch)) }
        let headers = try COSEHeaders(protected: protected, unprotected: unprotectedHeader)
        let signed = sigStructure(header: headers.authenticatedBytes, externalAAD: externalAAD, payload: payload)
        let signature = try sign(signed, signing, key: key)
        return COSEMessage.encode(
            tag: tagged ? UInt64(tag) : nil,
            headers: headers,
            rest: [detached ? .null : .bytes(payload), .bytes(signature)]
        )
    }

    private static func sign(_ message: [UInt8], _ signing: COSESigning, key: PrivateKey) throws(COSEError) -> [UInt8] {
        let signature: [UInt8]
        do {
            signature = try key.sign(message: message, scheme: signing.scheme)
        } catch {
            throw .cryptography(error)
        }
        guard let curve = signing.curve else { return signature }
        guard let raw = ECDSASignature.raw(fromDER: signature, curve: curve) else {
            throw .cryptography(CryptographyError(.libraryFailure))
        }
        return raw
    }

    private static func sigStructure(header: [UInt8], externalAAD: [UInt8], payload: [UInt8]) -> [UInt8] {
        CBORValue.array([.text("Signature1"), .bytes(header), .bytes(externalAAD), .bytes(payload)]).encoded()
    }
}
