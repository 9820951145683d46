// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Keyring
import TestSupport
import Testing

@Suite struct SpecificationTests {
    static func text(keys: String = #"[{"keySpec":"ECC_NIST_P256"}]"#, more: String = "") -> String {
        #"{"format":1,"keyringId":"audit","account":"000000000000","region":"us-east-1","keys":\#(keys)\#(more)}"#
    }

    static func build(_ text: String, files: [String: [UInt8]] = [:]) throws -> KeyringContents {
        try KeyringBuilder.build(
            try KeyringSpecification(json: Array(text.utf8)),
            at: Workshop.time,
            random: SecureRandom.bytes
        ) { path in
            guard let bytes = files[path] else { throw KeyringBuildError("no file \(path)") }
            return try Workshop.secret(bytes)
        }
    }

    @Test func `makes one administrator who may do everything when it names nobody`() throws {
        let principal = try #require(try Self.build(Self.text()).principals.first)
        #expect(principal.arn == "arn:aws:iam::000000000000:user/administrator")
        #expect(principal.policies.count == 1)
        #expect(principal.policies[0].contains("keybroker:*"))
    }

    @Test func `makes access keys of the broker's own form`() throws {
        let principal = try #require(try Self.build(Self.text()).principals.first)
        #expect(principal.accessKeyID.utf8.count == 20)
        #expect(principal.accessKeyID.hasPrefix("KBAK"))
        #expect(principal.accessKeyID.allSatisfy { "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".contains($0) })
        let secret = String(decoding: principal.secret.bytes.array(), as: UTF8.self)
        #expect(secret.utf8.count == 40)
        #expect(secret.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "+" || $0 == "/") })
        let other = try #require(try Self.build(Self.text()).principals.first)
        #expect(other.accessKeyID != principal.accessKeyID)
        #expect(other.secret.bytes.array() != principal.secret.bytes.array())
    }

    @Test(arguments: KeySpec.allCases)
    func `makes keys of every spec`(spec: KeySpec) throws {
        let key = try #require(try Self.build(Self.text(keys: #"[{"keySpec":"\#(spec.rawValue)"}]"#)).keys.first)
        #expect(key.spec == spec)
        #expect(spec.accepts(key.material))
        #expect(key.origin == .offline)
        #expect(key.arn == "arn:aws:kms:us-east-1:000000000000:key/\(key.id)")
    }

    @Test func `imports what openssl made, in PEM and in DER`() async throws {
        let pem = try await Tool.run(
            "openssl",
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        )
        try #require(pem.status == 0)
        let der = try await Tool.run("openssl", ["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], input: pem.output)
        let spki = try await Tool.run("openssl", ["pkey", "-pubout", "-outform", "DER"], input: pem.output)
        let keys = #"[{"keySpec":"ECC_NIST_P256","importFile":"a"},{"keySpec":"ECC_NIST_P256","importFile":"b"}]"#
        let contents = try Self.build(Self.text(keys: keys), files: ["a": pem.output, "b": der.output])
        for key in contents.keys {
            #expect(key.spki == spki.output)
            #expect(key.origin == .imported)
        }
    }

    @Test func `imports raw bytes as an HMAC key`() throws {
        let raw = [UInt8](0..<32)
        let keys = #"[{"keySpec":"HMAC_256","importFile":"mac","keyId":"11111111-2222-3333-4444-555555555555"}]"#
        let key = try #require(try Self.build(Self.text(keys: keys), files: ["mac": raw]).keys.first)
        guard case .symmetric(let secret) = key.material else {
            Issue.record("not symmetric")
            return
        }
        #expect(secret.bytes.array() == raw)
        #expect(key.id == "11111111-2222-3333-4444-555555555555")
    }

    @Test(arguments: [
        ("ECC_NIST_P256", [UInt8]("not a key".utf8)), ("HMAC_256", [1, 2, 3]), ("ECC_NIST_P256", []),
        ("RSA_2048", Array("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n".utf8)),
    ])
    func `refuses files that are not such a key`(spec: String, file: [UInt8]) {
        let text = Self.text(keys: #"[{"keySpec":"\#(spec)","importFile":"f"}]"#)
        #expect(throws: KeyringBuildError.self) { try Self.build(text, files: ["f": file]) }
    }

    @Test func `refuses a key of another spec than named`() throws {
        let file = try PrivateKey.generate(.ed25519).pkcs8().array()
        let text = Self.text(keys: #"[{"keySpec":"ECC_NIST_P256","importFile":"f"}]"#)
        #expect(throws: KeyringBuildError.self) { try Self.build(text, files: ["f": file]) }
    }

    @Test(arguments: [
        ("keys[0].keySpec", text(keys: #"[{"keySpec":"P256"}]"#)),
        ("keys[0].keyUsage", text(keys: #"[{"keySpec":"ECC_NIST_P256","keyUsage":"ENCRYPT_DECRYPT"}]"#)),
        ("keys[0].aliases", text(keys: #"[{"keySpec":"ECC_NIST_P256","aliases":["audit"]}]"#)),
        ("keys[0].aliases", text(keys: #"[{"keySpec":"ECC_NIST_P256","aliases":["alias/aws/x"]}]"#)),
        ("keys[0].origin", text(keys: #"[{"keySpec":"ECC_NIST_P256","origin":"imported"}]"#)),
        ("keys[0].keyId", text(keys: #"[{"keySpec":"ECC_NIST_P256","keyId":"x"}]"#)),
        ("keys[0].policy", text(keys: #"[{"keySpec":"ECC_NIST_P256","policy":"{}"}]"#)),
        ("keys[0].size", text(keys: #"[{"keySpec":"ECC_NIST_P256","size":1}]"#)),
        ("keys", text(keys: "[]")),
        ("keys", text(keys: "{}")),
        ("principals", text(more: #","principals":[]"#)),
        ("principals[0].name", text(more: #","principals":[{"name":"a b","policies":[]}]"#)),
        ("principals[0].policies", text(more: #","principals":[{"name":"a"}]"#)),
        (
            "principals[0].arn",
            text(more: #","principals":[{"name":"a","arn":"arn:aws:iam::000000000000:root","policies":[]}]"#)
        ),
        (
            "principals[0].arn",
            text(more: #","principals":[{"name":"a","arn":"arn:aws:iam::111122223333:user/a","policies":[]}]"#)
        ),
        ("surplus", text(more: #","surplus":1"#)),
    ])
    func `refuses a wrong member by its path`(path: String, text: String) {
        let error = #expect(throws: JSONFieldError.self) { try KeyringSpecification(json: Array(text.utf8)) }
        #expect(error?.path == path)
    }

    @Test(arguments: [
        text(keys: #"[{"keySpec":"HMAC_256","aliases":["alias/a"]},{"keySpec":"HMAC_256","aliases":["alias/a"]}]"#),
        text(keys: #"[{"keySpec":"HMAC_256","policy":{"Version":"2012-10-17"}}]"#),
        text(more: #","principals":[{"name":"a","policies":[{"Version":"2012-10-17","Statement":[{}]}]}]"#),
        text(more: #","principals":[{"name":"a","policies":[]},{"name":"a","policies":[]}]"#),
    ])
    func `refuses aliases and principals that are there twice, and policies that are none`(text: String) {
        #expect(throws: KeyringBuildError.self) { try Self.build(text) }
    }
}
