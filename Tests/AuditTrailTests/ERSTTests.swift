// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct RealERSTTests {
    private static func bundle(_ name: String) throws -> ERSTBundle {
        try ERSTBundle(json: try SharedData.bytes("systems/erst/\(name).json"))
    }

    @Test(arguments: [("bundle_v1_hash_of_trace", "erst-v1"), ("bundle_v2_hash_of_wrapped_trace", "erst-v2")])
    func `a bundle verifies, and is said to be of its version`(name: String, version: String) throws {
        let bundle = try Self.bundle(name)
        let key = try #require(bundle.embeddedKey)
        let verdict = bundle.verify(.key(key))
        #expect(verdict.isAccepted && verdict["version"] == version && verdict["trust"] == "pinned")
    }

    // The published design says "raw hash bytes"; the code signs the hex, and rejects this one.
    @Test func `a signature over the digest's bytes is none over its characters`() throws {
        let bundle = try Self.bundle("negative_signed_raw_digest")
        #expect(bundle.verify(.anyone).rejection == .signatureInvalid)
    }

    // Their verifier believes the key in the bundle.
    @Test func `the key in a bundle is no reason to believe it`() throws {
        let bundle = try Self.bundle("bundle_v1_hash_of_trace")
        #expect(bundle.verify(.key(try PrivateKey.generate(.ed25519).publicKey)).rejection == .signatureInvalid)
        #expect(bundle.verify(.registry(SignerRegistry())).rejection == .untrustedKey)
        #expect(bundle.verify(.keys(try TrustedKeys(text: ""))).rejection == .untrustedKey)
        #expect(bundle.verify(.anyone)["trust"] == "unchecked")
    }

    @Test(arguments: ["bundle_v1_hash_of_trace", "bundle_v2_hash_of_wrapped_trace"])
    func `a changed trace, hash or signature is found`(name: String) throws {
        let text = String(decoding: try SharedData.bytes("systems/erst/\(name).json"), as: UTF8.self)
        let key = try #require(try Self.bundle(name).embeddedKey)
        for (old, new, rejection) in [
            ("\"amount\": 100", "\"amount\": 101", DocumentRejection.hashMismatch),
            ("\"hash\": \"", "\"hash\": \"0", .hashMismatch),
            ("\"signature\": \"", "\"signature\": \"00", .signatureInvalid),
        ] {
            let changed = try ERSTBundle(json: Array(text.replacing(old, with: new).utf8))
            #expect(changed.verify(.key(key)).rejection == rejection, "\(old)")
        }
    }
}

struct ERSTTests {
    private static func bundle(_ key: PrivateKey, _ version: ERSTBundle.Version, attestation: JSON? = nil) throws
        -> JSON
    {
        let trace: JSON = ["timestamp": "2026-01-01T00:00:00.000Z", "input": ["b": 2, "a": 1]]
        let hash = try ERSTBundle.hash(trace, hardwareAttestation: attestation, version)
        return ERSTBundle.json(
            trace: trace,
            hash: hash,
            signature: try key.sign(message: Array(hash.utf8), scheme: ERSTBundle.scheme(of: key.publicKey)),
            publicKey: key.publicKey,
            hardwareAttestation: attestation
        )
    }

    // Expected: crypto.verify(null, Buffer.from(hash), publicKey, signature), which is all that ERST's verifier does.
    @Test(arguments: [KeyAlgorithm.ed25519, .ec(.p256), .ec(.p384), .rsa(bits: 2048)])
    func `Node accepts a bundle of every kind of key`(algorithm: KeyAlgorithm) async throws {
        let script = """
            const b = JSON.parse(require('fs').readFileSync(0)), c = require('crypto');
            process.exit(c.verify(null, Buffer.from(b.hash), b.publicKey, Buffer.from(b.signature, 'hex')) ? 0 : 1)
            """
        guard (try? await Tool.run("node", ["--version"]))?.status == 0 else { return }
        let bundle = try Self.bundle(try PrivateKey.generate(algorithm), .v1).serialized()
        #expect(try await Tool.run("node", ["-e", script], input: bundle).status == 0)
        #expect(try ERSTBundle(json: bundle).verify(.anyone).isAccepted)
    }

    @Test func `an attestation chain is covered by version 2 alone, and the verdict says so`() throws {
        let key = try PrivateKey.generate(.ed25519)
        let chain: JSON = ["certificates": []]
        let v2 = try ERSTBundle(json: try Self.bundle(key, .v2, attestation: chain).serialized())
        #expect(v2.verify(.key(key.publicKey))["uncovered"] == nil)
        var object = try #require(try Self.bundle(key, .v1).object)
        object["hardware_attestation"] = chain
        let v1 = try ERSTBundle(json: JSON.object(object).serialized())
        #expect(v1.verify(.key(key.publicKey))["uncovered"] == "hardware_attestation")
        var stripped = try #require(try Self.bundle(key, .v2, attestation: chain).object)
        stripped["hardware_attestation"] = nil
        #expect(try ERSTBundle(json: JSON.object(stripped).serialized()).verify(.anyone).rejection == .hashMismatch)
    }

    @Test func `a registry's validity is judged at the trace's own time`() throws {
        let key = try PrivateKey.generate(.ed25519)
        let bundle = try ERSTBundle(json: try Self.bundle(key, .v1).serialized())
        var signer = Signer(id: "s", key: key.publicKey)
        signer.notBefore = Timestamp(rfc3339: "2026-01-01T00:00:00.001Z")
        var registry = SignerRegistry()
        registry.put(signer)
        #expect(bundle.verify(.registry(registry)).rejection == .signerNotYetValid)
    }

    @Test(arguments: [
        "[]", "{}", #"{"trace":1,"hash":"00"}"#, #"{"trace":1,"hash":"00","signature":"x"}"#,
        #"{"trace":1,"hash":1,"signature":"00"}"#,
        #"{"trace":1,"hash":"00","signature":"00","publicKey":"x"}"#,
        #"{"trace":{"a":1,"a":2},"hash":"00","signature":"00"}"#,
    ])
    func `what is no bundle is refused`(text: String) {
        #expect(throws: AuditTrailError.self) { try ERSTBundle(json: Array(text.utf8)) }
    }

    // MARK: Go

    private static let payload = #"{"envelope_xdr":"A<>&","result_meta_xdr":"B","events":["\u2028"],"logs":null}"#

    // Expected: what Go 1.22's json.Marshal makes of the struct, hashed with sha256sum.
    @Test func `Go's log is hashed in the order of its struct, whatever the order of the file`() throws {
        let shuffled: JSON = ["logs": nil, "events": ["\u{2028}"], "result_meta_xdr": "B", "envelope_xdr": "A<>&"]
        let canonical = try CanonicalForm.goStruct.encode(try ERSTGoLog.payload(shuffled))
        #expect(
            String(decoding: canonical, as: UTF8.self)
                == #"{"envelope_xdr":"A\u003c\u003e\u0026","result_meta_xdr":"B","events":["\u2028"],"logs":null}"#
        )
    }

    @Test func `Go's log is signed over the digest's 32 bytes`() throws {
        let key = try PrivateKey.generate(.ed25519)
        let payload = try ERSTGoLog.payload(try JSON.parse(Array(Self.payload.utf8)))
        let digest = try ERSTGoLog.digest(payload)
        func log(_ signature: [UInt8]) throws -> ERSTGoLog {
            try ERSTGoLog(
                json: ERSTGoLog.json(
                    payload: payload,
                    transactionHash: "ab",
                    signature: signature,
                    publicKey: Array(key.publicKey.spki.suffix(32)),
                    digest: digest,
                    now: Timestamp(seconds: 0)
                ).serialized()
            )
        }
        let right = try log(try key.sign(message: digest, scheme: .ed25519)).verify(.key(key.publicKey))
        #expect(right.isAccepted && right["uncovered"] == "version, timestamp, transaction_hash")
        let hex = try key.sign(message: Array(Hex.encode(digest).utf8), scheme: .ed25519)
        #expect(try log(hex).verify(.key(key.publicKey)).rejection == .signatureInvalid)
    }

    @Test(arguments: [
        #"{"envelope_xdr":"A","result_meta_xdr":"B","events":[]}"#,
        #"{"envelope_xdr":"A","result_meta_xdr":"B","events":[1],"logs":[]}"#,
        #"{"envelope_xdr":"A","result_meta_xdr":"B","events":[],"logs":[],"more":1}"#, "[]",
    ])
    func `a payload with other members than the struct's is refused`(text: String) throws {
        let value = try JSON.parse(Array(text.utf8))
        #expect(throws: JSONFieldError.self) { try ERSTGoLog.payload(value) }
    }
}
