// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Testing

/// ERST's certificate chain in a bundle, which pins no root and names no key.
struct HardwareAttestationTests {
    @Test func `an attestation chain in a bundle makes no key trusted`() throws {
        let stranger = try PrivateKey.generate(.ed25519)
        let trace: JSON = ["timestamp": "2026-01-01T00:00:00.000Z", "input": ["a": 1]]
        let chain: JSON = [
            "certificates": [
                ["pem": "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "subject": "HSM"]
            ],
            "token_info": "genuine", "key_non_exportable": true, "retrieved_at": "2026-01-01T00:00:00.000Z",
        ]
        let hash = try ERSTBundle.hash(trace, hardwareAttestation: chain, .v2)
        let bundle = try ERSTBundle(
            json: ERSTBundle.json(
                trace: trace,
                hash: hash,
                signature: try stranger.sign(message: Array(hash.utf8), scheme: .ed25519),
                publicKey: stranger.publicKey,
                hardwareAttestation: chain
            ).serialized()
        )
        var registry = SignerRegistry()
        registry.put(Signer(id: "known", key: try PrivateKey.generate(.ed25519).publicKey))
        #expect(bundle.verify(.registry(registry)).rejection == .untrustedKey)
        #expect(bundle.verify(.key(try PrivateKey.generate(.ed25519).publicKey)).rejection == .signatureInvalid)
        #expect(bundle.verify(.anyone)["trust"] == "unchecked")
    }
}
