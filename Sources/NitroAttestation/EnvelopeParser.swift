// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE

/// Reads the COSE_Sign1 around the payload, in the one form that AWS gives it.
///
/// All of it but the payload is outside of the signature, so every other way to write the same would let anyone make
/// more documents out of one.
enum EnvelopeParser: Sendable {
    /// Checks size, CBOR, structure, headers and lengths, in this order.
    static func parse(_ bytes: [UInt8]) throws(Rejection) -> (envelope: COSESign1, payload: [UInt8]) {
        guard (1...AttestationLimits.documentLength).contains(bytes.count) else {
            throw Rejection(
                .malformedSize,
                "expected 1 to \(AttestationLimits.documentLength) bytes, found \(bytes.count)"
            )
        }
        let envelope = try decode(bytes)
        guard envelope.protectedBytes == AttestationLimits.protectedHeader else { throw wrongProtectedHeader }
        guard envelope.unprotectedHeader.entries.isEmpty else { throw wrongUnprotectedHeader }
        guard let payload = envelope.payload else {
            throw Rejection(.malformedEnvelope, "the payload is detached")
        }
        guard AttestationLimits.payload.contains(payload.count) else {
            throw Rejection(
                .malformedPayloadSize,
                "expected 1 to \(AttestationLimits.payload.upperBound) bytes, found \(payload.count)"
            )
        }
        guard envelope.signature.count == AttestationLimits.signatureLength else {
            throw Rejection(
                .malformedSignatureSize,
                "expected \(AttestationLimits.signatureLength) bytes, found \(envelope.signature.count)"
            )
        }
        return (envelope, payload)
    }

    private static let wrongProtectedHeader = Rejection(.wrongProtectedHeader, "expected exactly {1: -35} (ES384)")
    private static let wrongUnprotectedHeader = Rejection(.wrongUnprotectedHeader, "expected an empty map")

    private static func decode(_ bytes: [UInt8]) throws(Rejection) -> COSESign1 {
        do {
            return try COSESign1(unverified: bytes, limits: AttestationLimits.envelopeCBOR)
        } catch .malformed(let error) where error.code == .unexpectedTag {
            throw Rejection(.malformedEnvelope, "a tag other than one 18, at byte \(error.offset)")
        } catch .malformed(let error) {
            throw Rejection(.malformedCBOR, "\(error.code.rawValue) at byte \(error.offset)")
        } catch .invalidHeader {
            // Either header can be at fault, or both together: the protected one comes first.
            throw hasExpectedProtectedHeader(bytes) ? wrongUnprotectedHeader : wrongProtectedHeader
        } catch .unexpectedTag {
            throw Rejection(.malformedEnvelope, "a tag other than one 18")
        } catch {
            throw Rejection(.malformedEnvelope, "not an array of byte string, map, byte string, byte string")
        }
    }

    /// Whether the protected header begins where it must and is the expected one; for the choice between two refusals.
    private static func hasExpectedProtectedHeader(_ bytes: [UInt8]) -> Bool {
        // The array of four, perhaps after the tag, then the byte string of four.
        let untagged = bytes.first == 0xd2 ? bytes.dropFirst() : bytes[...]
        return untagged.starts(with: [0x84, 0x44] + AttestationLimits.protectedHeader)
    }
}
