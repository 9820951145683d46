// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// Signed dossiers as their project published them.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct RealDossierTests {
    private static func files(_ folder: String) throws -> [(name: String, bytes: [UInt8])] {
        let path = SharedData.root.appendingPathComponent("systems/dossier/\(folder)").path
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            .map { ($0, try SharedData.bytes("systems/dossier/\(folder)/\($0)")) }
    }

    /// The key that the project signs with in KMS.
    private static let key =
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIbQGqW1Jdh97TxQ5ZvnSVvvOcN5NWhfWwXRAaDDuKK1pv8F+kz+uo1W8bNn+8ObgdOBecFTFizkRa/g+QJ8kA=="

    @Test func `every published signature verifies offline, high S included`() throws {
        let trusted = try TrustedKeys(text: "# published\n\(Self.key)   Dossier Team <team@dossier.ai>\n\n")
        var highS = 0
        var kinds: [String?: Int] = [:]
        for (name, bytes) in try Self.files("signed") {
            let dossier = try Dossier(bytes)
            #expect(dossier.verify(.anyone).isAccepted, "\(name)")
            let signature = try #require(dossier.frontmatter["signature"]?.object)
            kinds[signature["algorithm"]?.string, default: 0] += 1
            guard signature["algorithm"] == "ECDSA-SHA-256" else {
                #expect(dossier.verify(.keys(trusted)).rejection == .untrustedKey)
                continue
            }
            #expect(dossier.verify(.keys(trusted))["trustedAs"] == "Dossier Team <team@dossier.ai>", "\(name)")
            let der = try Base64.decode(try #require(signature["signature"]?.string))
            let raw = try #require(ECDSASignature.raw(fromDER: der, curve: .p256))
            // Half of the order begins with 7f ff ff ff 80.
            if raw[32] >= 0x80 { highS += 1 }
        }
        #expect(kinds == ["ECDSA-SHA-256": 12, "ed25519": 1])
        #expect(highS > 3)
    }

    @Test func `a body that was edited after signing is rejected by its checksum`() throws {
        for (name, bytes) in try Self.files("stale_signature") {
            #expect(try Dossier(bytes).verify(.anyone).rejection == .checksumMismatch, "\(name)")
        }
    }

    // KMS says no by an error, which their verifier takes for a warning.
    @Test func `an edited body whose checksum was recomputed is rejected by its signature`() throws {
        for (name, bytes) in try Self.files("stale_signature") + Self.files("signed") {
            let dossier = try Dossier(bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            let edited = try Dossier(Array((text + "\nrm -rf /\n").utf8))
            let claimed = try #require(dossier.frontmatter["checksum"]?.object?["hash"]?.string)
            let forged = (text + "\nrm -rf /\n").replacing(claimed, with: Hex.encode(edited.checksum))
            #expect(try Dossier(Array(forged.utf8)).verify(.anyone).rejection == .signatureInvalid, "\(name)")
        }
    }

    @Test func `noting a signature changes nothing else of a file`() throws {
        for (name, bytes) in try Self.files("signed") {
            var dossier = try Dossier(bytes)
            #expect(dossier.serialized == bytes, "\(name)")
            let before = dossier.frontmatter
            let key = try PrivateKey.generate(.ec(.p256))
            dossier.sign(
                DossierSignature(
                    algorithm: .ecdsaSHA256,
                    signature: try key.sign(message: dossier.body, scheme: .ecdsa(.sha256)),
                    publicKey: key.publicKey,
                    keyID: "k",
                    signedAt: Timestamp(seconds: 1),
                    signedBy: nil
                )
            )
            let after = try Dossier(dossier.serialized)
            #expect(after.body == dossier.body)
            #expect(after.frontmatter.members.map(\.name) == before.members.map(\.name))
            for member in before.members where member.name != "signature" {
                #expect(after.frontmatter[member.name] == member.value)
            }
            #expect(after.verify(.key(key.publicKey)).isAccepted)
        }
    }
}

struct DossierTests {
    private static func signed(
        _ key: PrivateKey,
        body: String = "# Do it\n",
        change: (inout JSONObject) -> Void = { _ in }
    ) throws -> Dossier {
        var dossier = try Dossier(Array("---dossier\n{\"title\": \"t\"}\n---\n\(body)".utf8))
        let algorithm = try #require(DossierSignature.Algorithm(key.publicKey))
        dossier.sign(
            DossierSignature(
                algorithm: algorithm,
                signature: try key.sign(
                    message: dossier.body,
                    scheme: algorithm == .ed25519 ? .ed25519 : .ecdsa(.sha256)
                ),
                publicKey: key.publicKey,
                keyID: "arn:listed",
                signedAt: Timestamp(seconds: 1_767_225_600),
                signedBy: "Team"
            )
        )
        var frontmatter = dossier.frontmatter
        change(&frontmatter)
        return try Dossier(
            Array("---dossier\n".utf8) + JSON.object(frontmatter).serialized() + Array("\n---\n\(body)".utf8)
        )
    }

    // Node 20: /^---dossier\s*\n([\s\S]*?)\n---\s*\n([\s\S]*)$/m on the same text.
    @Test(arguments: [
        ("---dossier\n{}\n---\nbody", "body"), ("---dossier  \r\n{}\r\n---\t\r\nbody\n", "body\n"),
        ("---dossier\n{}\n---\n\n \n  indented", "  indented"), ("---dossier\n{}\n---\n", ""),
        ("---dossier\n{}\n---x\n---\nbody\n---\nmore", nil),
        ("---dossier\n{\"a\":\n1}\n---\n\u{A0}\u{2003}\u{FEFF}\n.", "."),
        ("---dossier\n{}\n---\nbody\n---\nmore", "body\n---\nmore"), ("---dossier\n{}\n---", nil),
        ("x---dossier\n{}\n---\nb", nil),
        ("---dossier{}\n---\nb", nil), ("---dossier\n---\nb", nil), ("", nil), ("---dossier\n{\n---\nb", nil),
        ("---dossier\n[]\n---\nb", nil),
    ])
    func `the body is what their readers take for it`(text: String, body: String?) {
        #expect((try? Dossier(Array(text.utf8)))?.body == body.map { Array($0.utf8) })
    }

    @Test(arguments: [KeyAlgorithm.ec(.p256), .ed25519])
    func `a signature counts by its key, and not by what it says of itself`(algorithm: KeyAlgorithm) throws {
        let key = try PrivateKey.generate(algorithm)
        let other = try PrivateKey.generate(algorithm)
        let dossier = try Self.signed(key)
        #expect(dossier.verify(.anyone)["trust"] == "unchecked")
        #expect(dossier.verify(.key(key.publicKey)).isAccepted)
        #expect(dossier.verify(.key(other.publicKey)).rejection == .signatureInvalid)
        // Whoever signs can write a listed id beside a key of their own.
        let listed = try TrustedKeys(text: "\(Base64.encode(other.publicKey.spki)) arn:listed")
        #expect(dossier.verify(.keys(listed)).rejection == .untrustedKey)
        // Their files hold PEM, with spaces, and lists that words of a line are matched with: such keys were never found.
        let own = try TrustedKeys(text: "\(Base64.encode(key.publicKey.spki)) id with spaces")
        #expect(dossier.verify(.keys(own))["trustedAs"] == "id with spaces")
    }

    @Test func `a registry's validity and revocation count`() throws {
        let key = try PrivateKey.generate(.ed25519)
        let dossier = try Self.signed(key)
        for (change, rejection) in [
            ({ $0.revocation = .entirely }, .signerRevoked),
            ({ $0.notBefore = Timestamp(seconds: 1_767_225_601) }, .signerNotYetValid),
            ({ $0.notAfter = Timestamp(seconds: 1_767_225_600) }, .signerExpired),
            ({ $0.notBefore = Timestamp(seconds: 0) }, nil),
        ] as [((inout Signer) -> Void, DocumentRejection?)] {
            var signer = Signer(id: "s", key: key.publicKey)
            change(&signer)
            var registry = SignerRegistry()
            registry.put(signer)
            #expect(dossier.verify(.registry(registry)).rejection == rejection)
        }
        #expect(dossier.verify(.registry(SignerRegistry())).rejection == .untrustedKey)
    }

    @Test func `each thing that is missing or wrong has its reason`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        for (member, name, value, rejection) in [
            ("checksum", nil, nil, .noChecksum), ("checksum", "algorithm", "md5", .noChecksum),
            ("checksum", "hash", "00", .noChecksum),
            ("checksum", "hash", .string(String(repeating: "0", count: 64)), .checksumMismatch),
            ("signature", nil, nil, .unsigned),
            ("signature", "algorithm", "none", .unknownAlgorithm),
            ("signature", "algorithm", "ed25519", .signatureInvalid),
            ("signature", "public_key", nil, .noKey), ("signature", "signature", "AAAA", .signatureInvalid),
            ("signature", "signature", "%", .signatureInvalid),
        ] as [(String, String?, JSON?, DocumentRejection)] {
            let dossier = try Self.signed(key) { frontmatter in
                guard let name else { return frontmatter[member] = value }
                var object = frontmatter[member]?.object ?? JSONObject()
                object[name] = value
                frontmatter[member] = .object(object)
            }
            #expect(dossier.verify(.anyone).rejection == rejection, "\(member) \(name ?? "")")
        }
    }

    @Test func `a list of trusted keys has keys alone`() throws {
        let raw = "ebnimXRlkJe2N5bJAS4hiHyvL2xWKVm4LQNATj4L9OE="
        let minisign = try #require(PublicKeyText.parse(raw).flatMap { MinisignPublicKey($0) })
        #expect(try TrustedKeys(text: "\(minisign.base64) m").name(of: minisign.key) == "m")
        #expect(minisign.base64.hasPrefix("RW") && minisign.base64.utf8.count == 56)
        #expect { try TrustedKeys(text: "# c\n\narn:aws:kms:us-east-1:1:key/2 name") } throws: {
            "\($0)".hasPrefix("line 3:")
        }
    }
}
