// SPDX-License-Identifier: Apache-2.0

import CBOR
import Cryptography

/// What is public of one version of a keyring, in the bytes that its digest is of: whoever has them can compute the digest
/// that attestations name, and the digest of the version before is in them.
package struct KeyringPublicParts: Sendable, Equatable {
    /// The protected header, as it was sealed.
    package let protectedHeader: [UInt8]
    /// Deterministic CBOR: keys, principals and the TLS certificate without their secrets.
    package let view: [UInt8]

    package init(protectedHeader: [UInt8], view: [UInt8]) {
        self.protectedHeader = protectedHeader
        self.view = view
    }

    /// SHA-384 of deterministic CBOR `[protected header bytes, public view]`.
    package var digest: [UInt8] {
        var writer = CBORWriter()
        writer.arrayHeader(2)
        writer.byteString(protectedHeader)
        writer.raw(view)
        return Hash.digest(.sha384, writer.bytes)
    }

    /// What the protected header says.
    ///
    /// - Throws: ``KeyringError``.
    package func header() throws(KeyringError) -> KeyringHeader {
        let value: CBORValue
        do {
            value = try CBORDecoder.decode(protectedHeader, limits: KeyringLimits.protectedHeader)
        } catch {
            throw .malformed("protected header: \(error.code.rawValue)")
        }
        guard case .map(let map) = value, value.encoded() == protectedHeader else {
            throw .malformed("protected header is not a map in deterministic form")
        }
        return try KeyringHeader.parse(map).header
    }
}
