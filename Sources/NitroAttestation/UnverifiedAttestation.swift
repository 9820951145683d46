// SPDX-License-Identifier: Apache-2.0

import COSE

/// A document that was parsed and not verified. Its contents are claims.
public struct UnverifiedAttestation: Sendable {
    /// What the document claims.
    public let claims: AttestationDocument

    /// The envelope, for the signature over its received bytes.
    let envelope: COSESign1

    /// Parses the COSE_Sign1 envelope and the payload: bounds, form, mandatory fields. Verifies nothing.
    ///
    /// - Throws: the rejection that ``AttestationVerifier`` would give.
    public init(parsing bytes: [UInt8]) throws(Rejection) {
        let (envelope, payload) = try EnvelopeParser.parse(bytes)
        self.envelope = envelope
        self.claims = try PayloadParser.parse(payload)
    }
}
