// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import KMSProtocol
import KeyService
import TestSupport
import Testing

private let message = [UInt8]("what happened, and when".utf8)

/// Signatures that others make with our keys, and MACs, for every algorithm and message type.
struct InteroperationTests {
    private static func bench(_ spec: KeySpec) throws -> Bench {
        try Bench([.make(spec, usage: .signVerify, aliases: ["alias/k"])])
    }

    /// PKCS#8 of the key that ``bench(_:)`` has.
    private static func privateKey(_ spec: KeySpec) throws -> [UInt8] {
        guard case .asymmetric(let key) = try Materials.material(of: spec) else { return [] }
        return exposed(try key.pkcs8())
    }

    /// What `Verify` is asked about a signature over ``message``.
    private static func input(_ testCase: SigningCase, signature: [UInt8]) throws -> JSON {
        let bytes =
            testCase.messageType == .digest
            ? Hash.digest(try #require(HashAlgorithm(rawValue: testCase.algorithm.hashName)), message) : message
        return [
            "KeyId": "alias/k", "Message": .blob(bytes), "MessageType": .string(testCase.messageType.rawValue),
            "SigningAlgorithm": .string(testCase.algorithm.rawValue), "Signature": .blob(signature),
        ]
    }

    @Test(arguments: SigningCase.all)
    func `Verify accepts what the openssl command signs`(testCase: SigningCase) async throws {
        let directory = try TemporaryDirectory()
        let result = try await Tool.run(
            "openssl",
            [
                "pkeyutl", "-sign", "-keyform", "DER", "-rawin",
                "-inkey", try directory.write(try Self.privateKey(testCase.spec), as: "key").path,
                "-in", try directory.write(message, as: "message").path,
            ] + testCase.opensslOptions
        )
        try #require(result.status == 0, "\(result.errors)")
        let output = try Self.bench(testCase.spec).answer("Verify", Self.input(testCase, signature: result.output))
        #expect(output["SignatureValid"]?.bool == true)
    }

    /// Over the message for RAW, over its digest (Prehashed) for DIGEST.
    private static let algorithms = """
        import sys, json, base64
        from cryptography.hazmat.primitives import hashes, hmac, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
        b = base64.b64decode
        def parameters(case):
            message, name = b(case["message"]), case["algorithm"]
            if name.startswith("ED25519"):
                return message, []
            hash = getattr(hashes, "SHA" + name[-3:])()
            chosen = hash
            if case["type"] == "DIGEST":
                digest = hashes.Hash(hash)
                digest.update(message)
                message, chosen = digest.finalize(), utils.Prehashed(hash)
            if name.startswith("ECDSA"):
                return message, [ec.ECDSA(chosen)]
            if "PSS" in name:
                return message, [padding.PSS(mgf=padding.MGF1(hash), salt_length=hash.digest_size), chosen]
            return message, [padding.PKCS1v15(), chosen]
        """

    private static func python(_ script: String, _ cases: [JSON]) async throws -> [String] {
        let script = algorithms + "\nfor case in json.load(sys.stdin):\n" + script
        let result = try await Tool.run("python3", ["-c", script], input: JSON.array(cases).serialized())
        try #require(result.status == 0, "\(result.errors)")
        return result.text.split(separator: "\n").map(String.init)
    }

    private static func json(_ testCase: SigningCase, _ more: [(String, JSON)]) -> JSON {
        .object(
            JSONObject(
                [
                    ("algorithm", .string(testCase.algorithm.rawValue)),
                    ("type", .string(testCase.messageType.rawValue)), ("message", .blob(message)),
                ] + more
            )
        )
    }

    @Test(.enabled(if: Tool.pythonHas("cryptography"), "python3 has no module cryptography"))
    func `Verify accepts what Python's cryptography signs`() async throws {
        let signatures = try await Self.python(
            """
                message, more = parameters(case)
                key = serialization.load_der_private_key(b(case["key"]), None)
                print(base64.b64encode(key.sign(message, *more)).decode())
            """,
            try SigningCase.all.map { Self.json($0, [("key", .blob(try Self.privateKey($0.spec)))]) }
        )
        try #require(signatures.count == SigningCase.all.count)
        for (testCase, signature) in zip(SigningCase.all, signatures) {
            let bench = try Self.bench(testCase.spec)
            let output = try bench.answer("Verify", Self.input(testCase, signature: try Base64.decode(signature)))
            #expect(output["SignatureValid"]?.bool == true, "\(testCase)")
        }
    }

    @Test(.enabled(if: Tool.pythonHas("cryptography"), "python3 has no module cryptography"))
    func `Python's cryptography verifies what Sign makes, of messages and of digests, and nothing else`() async throws {
        let cases = try SigningCase.all.map { testCase in
            let bench = try Self.bench(testCase.spec)
            var input = try #require(try Self.input(testCase, signature: []).object)
            input["Signature"] = nil
            let signature = try #require(try bench.answer("Sign", .object(input))["Signature"])
            let key = try #require(try bench.answer("GetPublicKey", ["KeyId": "alias/k"])["PublicKey"])
            return Self.json(testCase, [("key", key), ("signature", signature)])
        }
        let verdicts = try await Self.python(
            """
                from cryptography.exceptions import InvalidSignature
                message, more = parameters(case)
                key, signature = serialization.load_der_public_key(b(case["key"])), b(case["signature"])
                key.verify(signature, message, *more)
                try:
                    key.verify(signature, bytes([message[0] ^ 1]) + message[1:], *more)
                    print("another message verifies")
                except InvalidSignature:
                    print("ok")
            """,
            cases
        )
        #expect(verdicts == SigningCase.all.map { _ in "ok" })
    }

    /// Every spec with the least and the greatest length of key that may be imported.
    static let macs: [(spec: KeySpec, length: Int)] = [
        (.hmac224, 28), (.hmac224, 64), (.hmac256, 32), (.hmac256, 64), (.hmac384, 48), (.hmac384, 128),
        (.hmac512, 64), (.hmac512, 128),
    ]

    @Test(.enabled(if: Tool.pythonHas("cryptography"), "python3 has no module cryptography"))
    func `GenerateMac and VerifyMac agree with Python's cryptography for every length of key`() async throws {
        let secrets = try Self.macs.map { try SecureRandom.bytes(count: $0.length) }
        let expected = try await Self.python(
            """
                mac = hmac.HMAC(b(case["key"]), getattr(hashes, "SHA" + case["algorithm"][-3:])())
                mac.update(b(case["message"]))
                print(base64.b64encode(mac.finalize()).decode())
            """,
            try zip(Self.macs, secrets).map { mac, secret in
                [
                    "algorithm": .string(try #require(mac.spec.macAlgorithms.first).rawValue),
                    "message": .blob(message), "key": .blob(secret),
                ]
            }
        )
        try #require(expected.count == Self.macs.count)
        for (index, text) in expected.enumerated() {
            let spec = Self.macs[index].spec
            var key = try KeyRecord.make(spec, aliases: ["alias/m"], origin: .imported)
            key.material = .symmetric(SharedSecret(try SecretBytes(copying: secrets[index])))
            let bench = try Bench([key])
            var input = JSONObject([
                ("KeyId", "alias/m"), ("Message", .blob(message)),
                ("MacAlgorithm", .string(try #require(spec.macAlgorithms.first).rawValue)),
            ])
            #expect(try bench.answer("GenerateMac", .object(input))["Mac"]?.string == text)
            input["Mac"] = .string(text)
            #expect(try bench.answer("VerifyMac", .object(input))["MacValid"]?.bool == true)
            // One byte less is another MAC, not a shorter form of this one.
            input["Mac"] = .blob(try Base64.decode(text).dropLast())
            #expect(bench.error("VerifyMac", .object(input)) == .invalidMAC)
        }
    }
}

/// A copy outside of locked memory.
private func exposed(_ secret: borrowing SecretBytes) -> [UInt8] {
    secret.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
}
