// SPDX-License-Identifier: Apache-2.0

import CBOR

/// What a document may hold at most.
///
/// Sources: [AP] AWS, "Attestation process" of aws-nitro-enclaves-nsm-api (docs/attestation_process.md), section 3;
/// [CDDL] the CDDL of the same text, which wins where its prose contradicts it, because real documents follow it.
enum AttestationLimits: Sendable {
    /// [AP] 3.1: 1 to 16384 bytes of payload.
    static let payload = 1...16_384

    /// [AP] 3.1, RFC 9053 section 2.1: `r || s` of P-384.
    static let signatureLength = 96

    /// The protected header that is signed, `{1: -35}` (ES384) in shortest form: [AP] 3.1.
    static let protectedHeader: [UInt8] = [0xa1, 0x01, 0x38, 0x22]

    /// The largest payload, and around it tag (1 byte), array (1), protected header (5), unprotected header (1), head of
    /// the payload (3), signature with its head (2 + 96).
    static let documentLength = 16_384 + 109

    /// [AP] 3.2.2.2 asks for a non-empty string; real ones have 39 or 40 bytes. The bound is ours.
    static let moduleIDLength = 1...256

    /// [AP] 3.2.2.2: the only digest of the Nitro security module.
    static let digest = "SHA384"

    /// [AP] 3.2.2.2 asks for more than zero. The bound, 9999-12-31T23:59:59.999Z, is that of X.509 times.
    static let timestamp: ClosedRange<UInt64> = 1...253_402_300_799_999

    /// [AP] 3.2.2.2: 1 to 32 PCRs.
    static let pcrCount = 1...32

    /// [AP] 3.2.2.2: PCR0 to PCR31.
    static let pcrIndex = 0...31

    /// Bytes of a SHA-384 digest.
    static let pcrLength = 48

    /// [AP] 3.2.2.2: bytes of a certificate, in `certificate` and in `cabundle`.
    static let certificate = 1...1024

    /// [AP] 3.2.2.2 asks for at least one; real documents have four. The upper bound is ours.
    static let cabundleCount = 1...10

    /// [CDDL]: bytes of `public_key`, `user_data` and `nonce`. The prose's 512 for the last two refuses real documents;
    /// its minimum of 1 for the first one too.
    static let optionalField = 0...1024

    /// The envelope: an array of four, perhaps in a tag, with a flat header. Strings are checked one by one.
    static let envelopeCBOR = CBORLimits(totalLength: documentLength, depth: 4, items: 32, stringLength: documentLength)

    /// The payload: a map with flat containers in it. Nine fields, 32 PCRs and 10 certificates are 93 items; the rest
    /// is room to name an unknown field rather than call the CBOR malformed.
    static let payloadCBOR = CBORLimits(totalLength: 16_384, depth: 2, items: 256, stringLength: 16_384)

    /// RSA keys that KMS encrypts to have 2048 bits; to 4096 bits they stand in real documents.
    static let rsaBits = 2048...4096

    /// PEM text of trust anchors: room for a bundle of 64 certificates. The bounds are ours.
    static let trustAnchorText = 256 * 1024
    static let trustAnchorCount = 64
}
