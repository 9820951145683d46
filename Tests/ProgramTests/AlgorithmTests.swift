// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import Foundation
import KMSProtocol
import TestSupport
import Testing

/// Every key spec, from a file of somebody else through `keyring create`, host and enclave to a signature that `openssl`
/// verifies with the key it made.
struct AlgorithmTests {
    struct Pair {
        let spec: String
        /// Of `openssl genpkey`.
        let arguments: [String]
        /// What turns PKCS#8 in PEM into the form that is imported.
        let form: [String]
        let algorithms: [String]
    }

    static let rsaAlgorithms = ["PKCS1_V1_5", "PSS"].flatMap { padding in
        ["256", "384", "512"].map { "RSASSA_\(padding)_SHA_\($0)" }
    }

    static func rsa(_ bits: Int, form: [String]) -> Pair {
        Pair(
            spec: "RSA_\(bits)",
            arguments: ["RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"],
            form: form,
            algorithms: rsaAlgorithms
        )
    }

    static func ec(_ spec: String, _ curve: String, form: [String], _ algorithm: String) -> Pair {
        Pair(
            spec: spec,
            arguments: ["EC", "-pkeyopt", "ec_paramgen_curve:\(curve)"],
            form: form,
            algorithms: [algorithm]
        )
    }

    static let pem = ["pkey"]
    static let der = ["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"]
    static let traditional = ["pkey", "-traditional"]

    static let pairs = [
        rsa(2048, form: traditional), rsa(3072, form: der), rsa(4096, form: pem),
        ec("ECC_NIST_P256", "P-256", form: pem, "ECDSA_SHA_256"),
        ec("ECC_NIST_P384", "P-384", form: der, "ECDSA_SHA_384"),
        ec("ECC_NIST_P521", "P-521", form: traditional, "ECDSA_SHA_512"),
        ec("ECC_SECG_P256K1", "secp256k1", form: traditional, "ECDSA_SHA_256"),
        Pair(spec: "ECC_NIST_EDWARDS25519", arguments: ["ED25519"], form: der, algorithms: ["ED25519_SHA_512"]),
    ]

    static let secrets: [(spec: String, length: Int)] = [
        ("HMAC_224", 28), ("HMAC_256", 64), ("HMAC_384", 48), ("HMAC_512", 128), ("SYMMETRIC_DEFAULT", 32),
    ]

    static let specification: JSON = [
        "format": 1, "keyringId": "every-spec", "account": "000000000000", "region": "us-east-1",
        "keys": .array(
            (pairs.map(\.spec) + secrets.map(\.spec)).map { spec in
                [
                    "keySpec": .string(spec), "aliases": [.string("alias/\(spec)")],
                    "importFile": .string("\(spec).key"),
                ]
            }
        ),
    ]

    static func makeFiles(_ folder: TemporaryDirectory) async throws {
        for pair in pairs {
            let original = folder.file("\(pair.spec).pem")
            _ = try await RunningBroker.succeed(
                ["openssl", "genpkey", "-out", original, "-algorithm"] + pair.arguments
            )
            _ = try await RunningBroker.succeed(
                ["openssl"] + pair.form + ["-in", original, "-out", folder.file("\(pair.spec).key")]
            )
        }
        for secret in secrets {
            try RunningBroker.write(
                try SecureRandom.bytes(count: secret.length),
                folder.file("\(secret.spec).key")
            )
        }
    }

    static let message = [UInt8]("an audit event".utf8)

    @Test func `every key spec signs through the broker what openssl verifies, and what openssl signs verifies`()
        async throws
    {
        let broker = try await RunningBroker(specification: Self.specification, prepare: Self.makeFiles)
        let client = try broker.client()
        try RunningBroker.write(Self.message, broker.folder.file("message"))
        for pair in Self.pairs {
            for algorithm in pair.algorithms {
                for type in algorithm.hasPrefix("ED25519") ? ["RAW"] : ["RAW", "DIGEST"] {
                    try await check(pair, algorithm, type, broker, client)
                }
            }
        }
        try await checkMACs(broker, client)

        let keys = try await client.call("TrentService.ListKeys", [:])["Keys"]?.array
        #expect(keys?.count == Self.pairs.count + Self.secrets.count)
        let aliases = try await client.call("TrentService.ListAliases", [:])["Aliases"]?.array
        #expect(aliases?.count == keys?.count)
        await #expect(throws: KMSClient.Failure.self) {
            try await client.call("TrentService.GenerateRandom", ["NumberOfBytes": 32])
        }
    }

    private func check(
        _ pair: Pair,
        _ algorithm: String,
        _ type: String,
        _ broker: RunningBroker,
        _ client: KMSClient
    ) async throws {
        let name = "\(pair.spec) \(algorithm) \(type)"
        let hash = algorithm.suffix(3)
        let input =
            type == "DIGEST"
            ? Hash.digest(try #require(HashAlgorithm(rawValue: "sha\(hash)")), Self.message) : Self.message
        let request: [(String, JSON)] = [
            ("KeyId", .string("alias/\(pair.spec)")), ("SigningAlgorithm", .string(algorithm)),
            ("MessageType", .string(type)), ("Message", .string(Base64.encode(input))),
        ]
        var options = ["-rawin", "-in", broker.folder.file("message")]
        if !algorithm.hasPrefix("ED25519") { options += ["-digest", "sha\(hash)"] }
        if algorithm.contains("PSS") {
            options += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]
        }
        let key = broker.folder.file("\(pair.spec).pem")

        let signed = try await client.call("TrentService.Sign", .object(JSONObject(request)))
        let ours = broker.folder.file("ours")
        try RunningBroker.write(try Base64.decode(try #require(signed["Signature"]?.string)), ours)
        let verified = try await Programs.run(
            ["openssl", "pkeyutl", "-verify", "-inkey", key, "-sigfile", ours] + options
        )
        #expect(verified.status == 0, "\(name): \(verified.text) \(verified.errors)")

        let theirs = broker.folder.file("theirs")
        _ = try await RunningBroker.succeed(["openssl", "pkeyutl", "-sign", "-inkey", key, "-out", theirs] + options)
        let signature = JSON.string(Base64.encode(try RunningBroker.bytes(theirs)))
        let answer = try await client.call(
            "TrentService.Verify",
            .object(JSONObject(request + [("Signature", signature)]))
        )
        #expect(answer["SignatureValid"]?.bool == true, "\(name)")
    }

    private func checkMACs(_ broker: RunningBroker, _ client: KMSClient) async throws {
        for secret in Self.secrets where secret.spec.hasPrefix("HMAC") {
            let hash = secret.spec.suffix(3)
            let key = Hex.encode(try RunningBroker.bytes(broker.folder.file("\(secret.spec).key")))
            let mac = broker.folder.file("mac")
            _ = try await RunningBroker.succeed([
                "openssl", "dgst", "-sha\(hash)", "-mac", "HMAC", "-macopt", "hexkey:\(key)", "-binary", "-out", mac,
                broker.folder.file("message"),
            ])
            let expected = JSON.string(Base64.encode(try RunningBroker.bytes(mac)))
            let request: [(String, JSON)] = [
                ("KeyId", .string("alias/\(secret.spec)")), ("MacAlgorithm", .string("HMAC_SHA_\(hash)")),
                ("Message", .string(Base64.encode(Self.message))),
            ]
            let made = try await client.call("TrentService.GenerateMac", .object(JSONObject(request)))
            #expect(made["Mac"] == expected, "\(secret.spec)")
            let verified = try await client.call(
                "TrentService.VerifyMac",
                .object(JSONObject(request + [("Mac", expected)]))
            )
            #expect(verified["MacValid"]?.bool == true, "\(secret.spec)")
        }
    }
}
