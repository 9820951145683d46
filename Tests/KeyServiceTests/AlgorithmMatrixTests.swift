// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Testing

/// Every key spec with every algorithm, message type and operation: either it works, or it is refused in KMS's words.
struct AlgorithmMatrixTests {
    /// AWS KMS Developer Guide, "Key spec reference", written out; without ED25519_PH_SHA_512.
    static let signing: [String: Set<String>] = {
        let rsa: Set<String> = [
            "RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
            "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
        ]
        return [
            "RSA_2048": rsa, "RSA_3072": rsa, "RSA_4096": rsa,
            "ECC_NIST_P256": ["ECDSA_SHA_256"], "ECC_NIST_P384": ["ECDSA_SHA_384"],
            "ECC_NIST_P521": ["ECDSA_SHA_512"], "ECC_SECG_P256K1": ["ECDSA_SHA_256"],
            "ECC_NIST_EDWARDS25519": ["ED25519_SHA_512"],
        ]
    }()

    static let macs = [
        "HMAC_224": "HMAC_SHA_224", "HMAC_256": "HMAC_SHA_256", "HMAC_384": "HMAC_SHA_384", "HMAC_512": "HMAC_SHA_512",
    ]

    static let digestLengths = ["256": 32, "384": 48, "512": 64]

    private static func bench(_ spec: String, _ usage: KeyUsage) throws -> Bench {
        try Bench([.make(try #require(KeySpec(rawValue: spec)), usage: usage, aliases: ["alias/k"])])
    }

    private static func sign(_ algorithm: String, type: String = "RAW", count: Int = 8) -> JSON {
        [
            "KeyId": "alias/k", "SigningAlgorithm": .string(algorithm), "MessageType": .string(type),
            "Message": .blob([UInt8](repeating: 7, count: count)),
        ]
    }

    private static func verify(_ input: JSON) -> JSON {
        var object = input.object ?? JSONObject()
        object["Signature"] = "AAAA"
        return .object(object)
    }

    @Test(arguments: signing.keys.sorted())
    func `keys sign with the algorithms that they list, and with no other`(spec: String) throws {
        let bench = try Self.bench(spec, .signVerify)
        let listed = try #require(Self.signing[spec])
        for operation in ["DescribeKey", "GetPublicKey"] {
            let output = try bench.answer(operation, ["KeyId": "alias/k"])
            let members = output["KeyMetadata"]?.object ?? output
            #expect(Set(try #require(members["SigningAlgorithms"]?.array).compactMap(\.string)) == listed)
        }
        for algorithm in SigningAlgorithm.allCases.map(\.rawValue) where algorithm != "ED25519_PH_SHA_512" {
            let input = Self.sign(algorithm)
            guard !listed.contains(algorithm) else {
                #expect(try bench.answer("Sign", input)["SigningAlgorithm"]?.string == algorithm)
                continue
            }
            let error = KMSError(
                "InvalidKeyUsageException",
                "Algorithm \(algorithm) is incompatible with key spec \(spec)."
            )
            #expect(bench.error("Sign", input) == error)
            #expect(bench.error("Verify", Self.verify(input)) == error)
        }
    }

    @Test(arguments: signing.keys.sorted())
    func `ED25519_PH_SHA_512 is refused by name`(spec: String) throws {
        let bench = try Self.bench(spec, .signVerify)
        let error =
            spec == "ECC_NIST_EDWARDS25519"
            ? KMSError("UnsupportedOperationException", "Algorithm ED25519_PH_SHA_512 is not supported.")
            : KMSError(
                "InvalidKeyUsageException",
                "Algorithm ED25519_PH_SHA_512 is incompatible with key spec \(spec)."
            )
        let input = Self.sign("ED25519_PH_SHA_512", type: "DIGEST", count: 64)
        #expect(bench.error("Sign", input) == error)
        #expect(bench.error("Verify", Self.verify(input)) == error)
    }

    @Test(arguments: signing.keys.sorted())
    func `a digest has the length of the algorithm's hash and no other`(spec: String) throws {
        let bench = try Self.bench(spec, .signVerify)
        for algorithm in try #require(Self.signing[spec]) {
            guard algorithm != "ED25519_SHA_512" else {
                #expect(
                    bench.error("Sign", Self.sign(algorithm, type: "DIGEST", count: 64))
                        == .validation("Message type DIGEST is incompatible with algorithm ED25519_SHA_512.")
                )
                continue
            }
            let right = try #require(Self.digestLengths[String(algorithm.suffix(3))])
            for count in [1, 20, 28, 31, 32, 33, 47, 48, 49, 63, 64, 65, 4096] {
                let input = Self.sign(algorithm, type: "DIGEST", count: count)
                guard count != right else {
                    #expect(try bench.answer("Sign", input)["Signature"] != nil)
                    continue
                }
                let error = KMSError.validation("Digest is invalid length for algorithm \(algorithm).")
                #expect(bench.error("Sign", input) == error)
                #expect(bench.error("Verify", Self.verify(input)) == error)
            }
        }
    }

    @Test(arguments: signing.keys.sorted())
    func `EXTERNAL_MU goes with no key spec here`(spec: String) throws {
        let bench = try Self.bench(spec, .signVerify)
        for algorithm in try #require(Self.signing[spec]) {
            #expect(
                bench.error("Sign", Self.sign(algorithm, type: "EXTERNAL_MU", count: 64))
                    == .validation("Message type EXTERNAL_MU is incompatible with key spec \(spec).")
            )
        }
    }

    @Test(arguments: macs.keys.sorted())
    func `an HMAC key makes MACs with its own hash and no other`(spec: String) throws {
        let bench = try Self.bench(spec, .generateVerifyMAC)
        let metadata = try #require(try bench.answer("DescribeKey", ["KeyId": "alias/k"])["KeyMetadata"]?.object)
        #expect(metadata["MacAlgorithms"]?.array?.compactMap(\.string) == Self.macs[spec].map { [$0] })
        for algorithm in Self.macs.values {
            var input = JSONObject([
                ("KeyId", "alias/k"), ("Message", "AAAA"), ("MacAlgorithm", .string(algorithm)),
            ])
            guard algorithm != Self.macs[spec] else {
                #expect(try bench.answer("GenerateMac", .object(input)).blob("Mac")?.isEmpty == false)
                continue
            }
            let error = KMSError(
                "InvalidKeyUsageException",
                "Algorithm \(algorithm) is incompatible with key spec \(spec)."
            )
            #expect(bench.error("GenerateMac", .object(input)) == error)
            input["Mac"] = "AAAA"
            #expect(bench.error("VerifyMac", .object(input)) == error)
        }
    }

    static let operations: [(name: String, input: JSON, usage: KeyUsage)] = [
        ("Sign", sign("ECDSA_SHA_256"), .signVerify), ("Verify", verify(sign("ECDSA_SHA_256")), .signVerify),
        (
            "GenerateMac", ["KeyId": "alias/k", "Message": "AAAA", "MacAlgorithm": "HMAC_SHA_256"],
            .generateVerifyMAC
        ),
        (
            "VerifyMac", ["KeyId": "alias/k", "Message": "AAAA", "MacAlgorithm": "HMAC_SHA_256", "Mac": "AAAA"],
            .generateVerifyMAC
        ),
        ("Encrypt", ["KeyId": "alias/k", "Plaintext": "AAAA"], .encryptDecrypt),
        ("Decrypt", ["KeyId": "alias/k", "CiphertextBlob": "AAAA"], .encryptDecrypt),
        ("GenerateDataKey", ["KeyId": "alias/k", "KeySpec": "AES_256"], .encryptDecrypt),
    ]

    @Test(arguments: KeySpec.allCases)
    func `an operation for another usage is refused whatever else the request says`(spec: KeySpec) throws {
        for usage in spec.usages {
            let bench = try Self.bench(spec.rawValue, usage)
            for operation in Self.operations where operation.usage != usage {
                #expect(
                    bench.error(operation.name, operation.input)
                        == KMSError(
                            "InvalidKeyUsageException",
                            "\(try #require(bench.keys.keys.first).arn) key usage is \(usage.rawValue) which is not "
                                + "valid for \(operation.name)."
                        )
                )
            }
        }
    }
}
