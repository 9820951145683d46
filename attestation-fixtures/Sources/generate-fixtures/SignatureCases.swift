// SPDX-License-Identifier: Apache-2.0

import CBOR
import NitroAttestation

extension FixtureCollection {
    /// All is in order but a signature.
    mutating func addSignatures() throws {
        for level in 1...4 {
            let name = ["root", "regional", "zonal", "instance", "leaf"][level]
            reject(
                .wrongCertificateSignature,
                name,
                "The last bit of the signature on the \(name) certificate is wrong.",
                try document { (chain: inout TestChain) in chain.certificates[level].spoilsSignature = true }
            )
        }
        reject(
            .wrongCertificateSignature,
            "other-key",
            "Another key than the instance authority's signed the module's certificate.",
            try document { (chain: inout TestChain) in
                chain.certificates[TestChain.leafLevel].issuerKey = try TestKey("a stranger")
            }
        )
        let reason = Rejection.Reason.wrongDocumentSignature
        let zero = [UInt8](repeating: 0, count: 48)
        reject(reason, "last-bit", "The signature's last bit is wrong.", try envelope { $0.signature[95] ^= 1 })
        reject(
            reason,
            "r-zero",
            "The signature's r is zero.",
            try envelope { $0.signature.replaceSubrange(0..<48, with: zero) }
        )
        reject(
            reason,
            "s-zero",
            "The signature's s is zero.",
            try envelope { $0.signature.replaceSubrange(48..<96, with: zero) }
        )
        reject(
            reason,
            "all-ones",
            "The signature's r and s are above the order of the group.",
            try envelope { $0.signature = [UInt8](repeating: 0xff, count: 96) }
        )
        let payload = AttestationDocumentEncoder.payload(base.claims)
        reject(
            reason,
            "other-key",
            "Another key than the certificate's signed the document.",
            try Envelope(payload: payload, key: try TestKey("a stranger")).bytes
        )
        reject(
            reason,
            "issuer-key",
            "The instance authority's key signed the document.",
            try Envelope(payload: payload, key: chain.certificates[TestChain.leafLevel].issuerKey).bytes
        )
        var claims = base.claims
        claims.pcrs[0]?[47] ^= 1
        let other = Envelope.byteString(AttestationDocumentEncoder.payload(claims))
        reject(reason, "other-payload", "PCR0 was changed after signing.", try envelope { $0.payload = other })
        reject(
            reason,
            "payload-alone",
            "The signature is over the payload alone, without the structure of COSE.",
            try envelope { $0.signature = (try? base.key.sign(payload)) ?? [] }
        )
    }
}
