// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// Bundles that carry the attestation of the enclave whose key signed them.
struct ErstAttestationTests {
    let broker: RunningBroker
    var folder: TemporaryDirectory { broker.folder }

    init() async throws { broker = try await RunningBroker() }

    private var expected: [String] {
        [
            "--root", folder.file("module/root.pem"), "--binary", Programs.path("keybroker-enclave"), "--config",
            folder.file("enclave.json"),
        ]
    }

    private static let trace =
        #"{"timestamp": "2026-01-01T00:00:00.000Z", "input": {"b": 1.50}, "state": {}, "events": ["é"]}"#

    private func run(_ arguments: [String], input: [UInt8] = []) async throws -> Tool.Result {
        try await Programs.run(["keybroker"] + arguments, environment: broker.clientEnvironment, input: input)
    }

    private func sign(_ more: [String]) async throws -> JSONObject {
        let result = try await run(["erst", "sign", "--attest"] + more + expected, input: Array(Self.trace.utf8))
        #expect(result.status == 0, "\(result.errors)")
        return try #require(try JSON.parse(result.output).object)
    }

    private func verdict(_ bundle: JSONObject, _ more: [String]) async throws -> JSONObject {
        let file = try folder.write("bundle.json", String(decoding: JSON.object(bundle).serialized(), as: UTF8.self))
        let result = try await run(["erst", "verify", "--json", file] + more)
        #expect(try JSONSchema("document-verify-output").faults(in: result.output) == [], "\(result.errors)")
        let verdict = try #require(try JSON.parse(result.output).array?.first?.object)
        #expect(result.status == (verdict["verdict"] == "accepted" ? 0 : 1))
        return verdict
    }

    /// The same bundle, its hash signed again by the broker's key.
    private func signedAgain(_ bundle: JSONObject, attestation: JSON?) async throws -> JSONObject {
        let trace = try #require(bundle["trace"])
        let hash = try ERSTBundle.hash(trace, hardwareAttestation: attestation, .v2)
        let message = try folder.write("hash", hash)
        let answer = try await run([
            "key", "sign", "alias/audit-ed25519", "--algorithm", "ED25519_SHA_512", "--message", message,
        ])
        #expect(answer.status == 0, "\(answer.errors)")
        var changed = bundle
        changed["hash"] = .string(hash)
        changed["hardware_attestation"] = attestation
        changed["signature"] = .string(Hex.encode(try Base64.decode(answer.text.filter { !$0.isWhitespace })))
        return changed
    }

    @Test(arguments: [("audit-ed25519", "erst-v2", "made-offline"), ("audit-p256", "glassbox", "imported")])
    func `a key is believed for the attestation that names it`(alias: String, profile: String, origin: String)
        async throws
    {
        let bundle = try await sign(["--key", "alias/\(alias)", "--profile", profile])
        let attested = try await verdict(bundle, ["--any-key", "--require-attested"] + expected)
        #expect(attested["verdict"] == "accepted" && attested["attestation"] == "verified", "\(attested)")
        #expect(attested["keyOrigin"]?.string == origin)
        // What both forms write alike is called by the older name.
        #expect(attested["version"] == "erst-v2" && attested["uncovered"] == nil)
        #expect(try await verdict(bundle, ["--any-key"])["attestation"] == "unchecked")
        let attestation = try #require(bundle["hardware_attestation"]?.object)
        #expect(attestation["key_non_exportable"] == false)
        #expect(attestation["certificates"]?.array?.count ?? 0 >= 3)
        // Another configuration is another enclave.
        let other = try folder.write("other.json", folder.read("enclave.json").replacing("\"test\"", with: "\"best\""))
        let stranger = try await verdict(bundle, ["--any-key", "--require-attested"] + expected.dropLast() + [other])
        #expect(stranger["reason"] == "signer-not-attested", "\(stranger)")
    }

    // Expected: what ERST's verifier does, in the words of Node's crypto: a hash over trace and attestation, a signature over its
    // characters, each certificate issued by the next.
    @Test(.enabled(if: Tool.isInstalled("node"), "node is not installed"))
    func `ERST's own checks of bundle and certificates pass`() async throws {
        let bundle = try await sign(["--key", "alias/audit-ed25519"])
        let script = """
            const b = JSON.parse(require('fs').readFileSync(0)), c = require('crypto'), a = b.hardware_attestation,
              s = v => v === null || typeof v !== 'object' ? JSON.stringify(v) : Array.isArray(v) ? '[' + v.map(s) + ']'
                : '{' + Object.keys(v).sort().map(k => JSON.stringify(k) + ':' + s(v[k])) + '}',
              h = c.createHash('sha256').update(s({trace: b.trace, hardware_attestation: a})).digest('hex'),
              x = a.certificates.map(e => new c.X509Certificate(e.pem));
            const checks = {
              hash: h === b.hash, signature: c.verify(null, Buffer.from(b.hash), b.publicKey, Buffer.from(b.signature, 'hex')),
              issued: x.slice(1).every((issuer, i) => x[i].checkIssued(issuer)),
              signed: x.slice(1).every((issuer, i) => x[i].verify(issuer.publicKey)), root: x.at(-1).verify(x.at(-1).publicKey),
              serials: a.certificates.every((e, i) => BigInt('0x' + e.serial) === BigInt('0x' + x[i].serialNumber)),
              fields: typeof a.token_info === 'string' && typeof a.key_non_exportable === 'boolean' && !isNaN(Date.parse(a.retrieved_at)),
            };
            console.log(Object.keys(checks).filter(k => !checks[k]).join())
            """
        let failed = try await Tool.succeed("node", ["-e", script], input: JSON.object(bundle).serialized()).text
        #expect(failed == "\n")
    }

    @Test func `an attestation counts for the key that it names, with its own certificates, under the signature`()
        async throws
    {
        let bundle = try await sign(["--key", "alias/audit-ed25519"])
        let require = ["--any-key", "--require-attested"] + expected
        let attestation = try #require(bundle["hardware_attestation"]?.object)
        let right = try await signedAgain(bundle, attestation: .object(attestation))
        #expect(try await verdict(right, require)["verdict"] == "accepted")

        // Whatever is changed afterwards is found by the hash.
        var changed = bundle
        changed["hardware_attestation"] = nil
        #expect(try await verdict(changed, require)["reason"] == "hash-mismatch")

        // What its signer changed before it signed is found all the same.
        var certificates = try #require(attestation["certificates"]?.array)
        certificates.removeLast()
        var document = try Base64.decode(try #require(attestation["attestation_document"]?.string))
        document[document.count - 1] ^= 1
        for (name, value) in [
            ("certificates", .array(certificates)), ("attestation_document", .string(Base64.encode(document))),
            ("attestation_document", nil),
        ] as [(String, JSON?)] {
            var other = attestation
            other[name] = value
            let refused = try await verdict(try await signedAgain(bundle, attestation: .object(other)), require)
            #expect(refused["reason"] == "signer-not-attested", "\(name): \(refused)")
        }
        let without = try await verdict(try await signedAgain(bundle, attestation: nil), require)
        #expect(without["reason"] == "signer-not-attested", "\(without)")

        // A key of somebody else's, beside the attestation of the broker's.
        let key = try PrivateKey.generate(.ed25519)
        let trace = try #require(bundle["trace"])
        let hash = try ERSTBundle.hash(trace, hardwareAttestation: .object(attestation), .v2)
        let forged = ERSTBundle.json(
            trace: trace,
            hash: hash,
            signature: try key.sign(message: Array(hash.utf8), scheme: .ed25519),
            publicKey: key.publicKey,
            hardwareAttestation: .object(attestation)
        )
        let refused = try await verdict(try #require(forged.object), require)
        #expect(
            refused["reason"] == "signer-not-attested" && refused["detail"] == "its attestation does not name this key"
        )
        #expect(try await verdict(try #require(forged.object), ["--any-key"])["verdict"] == "accepted")
    }

    @Test func `an attestation is not put where nothing covers it`() async throws {
        for profile in ["erst-v1", "erst-go"] {
            let result = try await run(
                ["erst", "sign", "--attest", "--key", "alias/audit-ed25519", "--profile", profile] + expected,
                input: Array(Self.trace.utf8)
            )
            #expect(result.status == 2 && result.output.isEmpty, "\(result.errors)")
        }
    }
}
