// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import TestSupport
import Testing

private func registry(_ value: JSON) throws -> SignerRegistry { try SignerRegistry(json: value.serialized()) }

@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct RealRegistryTests {
    private static func read(_ name: String) throws -> SignerRegistry {
        try SignerRegistry(json: try SharedData.bytes("systems/illuvrse/signers_json_versions/\(name).json"))
    }

    @Test(arguments: [
        (
            "94871ea9_signers_array_kms_rsa3072",
            ["arn:aws:kms:us-east-1:470956719036:key/608d7bab-9107-4a41-ab43-5bcb660d5494"], [SignerAlgorithm.rsaSHA256]
        ),
        (
            "9f1fe583_map_arn_to_pem", ["arn:aws:kms:us-east-1:470956719036:key/b51dda10-9f46-4a66-9e83-eb39e1052362"],
            [.rsaSHA256]
        ),
        (
            "HEAD_signer_kid_public_key_pem", ["kernel-audit-ed25519-v1", "kernel-audit-rsa-v1"],
            [.ed25519, .rsaSHA256]
        ),
        ("reasoning_graph_fixture_map_kid", ["test-signer-1"], [.ed25519]),
    ])
    func `every registry that a system wrote is read`(name: String, ids: [String], algorithms: [SignerAlgorithm]) throws
    {
        let registry = try Self.read(name)
        #expect(registry.signers.map(\.id) == ids)
        #expect(registry.signers.map(\.algorithm) == algorithms)
        // And is the same after it was written in the one canonical shape.
        let again = try SignerRegistry(json: registry.json.serialized())
        #expect(again.signers.map(\.publicKey) == registry.signers.map(\.publicKey))
        #expect(again.json == registry.json)
    }

    @Test func `placeholders are an error, not a signer less`() {
        #expect { try Self.read("eb5bd0da_placeholder_notes") } throws: {
            "\($0)".hasPrefix("signers[0].publicKey: is no public key")
        }
    }
}

struct SignerRegistryTests {
    private static let pem =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAebnimXRlkJe2N5bJAS4hiHyvL2xWKVm4LQNATj4L9OE=\n-----END PUBLIC KEY-----\n"
    private static let spki = "MCowBQYDK2VwAyEAebnimXRlkJe2N5bJAS4hiHyvL2xWKVm4LQNATj4L9OE="
    private static let raw = "ebnimXRlkJe2N5bJAS4hiHyvL2xWKVm4LQNATj4L9OE="

    @Test func `every shape and every name of a member is read alike`() throws {
        let pem = JSON.string(Self.pem)
        var shapes: [JSON] = [
            ["signers": [["signerId": "k", "publicKey": pem]]], [["id": "k", "key": pem]], ["k": pem],
            ["k": ["pem": pem, "kid": "k"]],
            ["signers": [["kid": "k", "publicKey": .string(Self.spki)]]], ["k": .string(Self.raw)],
        ]
        for name in ["signerId", "signer_id", "signer_kid", "id", "kid"] {
            shapes.append([[name: "k", "publicKey": pem]])
        }
        for name in ["publicKey", "public_key", "publicKeyPem", "public_key_pem", "key", "pub", "pem", "value"] {
            shapes.append([["kid": "k", name: pem, "deployedAt": "x", "notes": 1]])
        }
        for name in ["Ed25519", "ed25519", "ED25519", "ED25519_SHA_512"] {
            shapes.append([["kid": "k", "key": pem, "alg": .string(name)]])
        }
        for shape in shapes {
            let signer = try #require(try registry(shape)["k"])
            #expect(signer.publicKey?.pem == Self.pem && signer.algorithm == .ed25519)
        }
    }

    // The systems' newer verifier rejects `Ed25519` as its own builder writes it, and the map that its updater writes.
    @Test func `what their builder and updater write is read`() throws {
        let built = try registry([
            "signers": [["signerId": "k", "algorithm": "Ed25519", "publicKey": .string(Self.pem)]]
        ])
        #expect(built["k"]?.algorithm == .ed25519)
        #expect(try registry(["arn:aws:kms:x": .string(Self.pem)])["arn:aws:kms:x"] != nil)
    }

    @Test(arguments: [
        (#"{"k": "REPLACE"}"#, "k.publicKey"), (#"[{"kid": "k"}]"#, "[0].publicKey"),
        (#"[{"key": "RAW"}]"#, "[0].signerId"),
        (#"{"signers": {"k": "x"}}"#, "signers"), (#""k""#, ""), ("{", ""), (#"["k"]"#, "[0]"), (#"{"k": 1}"#, "k"),
        (#"[{"kid": "a", "id": "b", "key": "RAW"}]"#, "[0].kid"), (#"{"a": {"kid": "b", "key": "RAW"}}"#, "a"),
        (#"[{"kid": "k", "key": "RAW", "alg": "none"}]"#, "[0].algorithm"),
        (#"[{"kid": "k", "key": "RAW", "alg": "rsa-sha256"}]"#, "[0].algorithm"),
        (#"[{"kid": "k", "key": "RAW", "notAfter": "soon"}]"#, "[0].notAfter"),
        (#"[{"kid": "k", "key": "RAW", "revoked": "yes"}]"#, "[0].revoked"),
        (#"[{"kid": "k", "key": "RAW", "attestation": "x"}]"#, "[0].attestation.document"),
        (#"[{"kid": "k", "key": "RAW"}, {"kid": "k", "key": "RAW"}]"#, "[1]"),
    ])
    func `what cannot be relied on is refused, with its place`(text: String, path: String) {
        #expect { try SignerRegistry(json: Array(text.replacing("RAW", with: Self.raw).utf8)) } throws: { error in
            if case AuditTrailError.invalidDocument(let field) = error { field.path == path } else { false }
        }
    }

    @Test func `validity, revocation and attestation survive being written`() throws {
        let value: JSON = [
            "format": 1,
            "signers": [
                [
                    "signerId": "a", "algorithm": "ed25519", "publicKey": .string(Self.pem),
                    "notBefore": "2026-01-01T00:00:00Z",
                    "notAfter": "2027-01-01T00:00:00Z", "revokedAt": "2026-06-01T00:00:00Z",
                    "attestation": ["document": "AQID"],
                    "description": "d",
                ],
                ["signerId": "b", "algorithm": "ed25519", "publicKey": .string(Self.pem), "revoked": true],
            ],
        ]
        #expect(try registry(value).json == value)
    }

    @Test func `a shared key is read, and never written`() throws {
        let read = try registry([
            ["kid": "h", "alg": "HMAC-SHA256", "publicKey": "secret"], ["kid": "k", "key": .string(Self.raw)],
        ])
        #expect(read.signers.count == 2)
        #expect(read.json.object?["signers"]?.array?.count == 1)
    }
}
