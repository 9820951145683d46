// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import KMSProtocol
import KeyService
import TestSupport
import Testing

/// One algorithm of one key spec.
struct SigningCase: Sendable, CustomTestStringConvertible {
    let spec: KeySpec
    let algorithm: SigningAlgorithm
    let messageType: MessageType

    var testDescription: String { "\(spec.rawValue) \(algorithm.rawValue) \(messageType.rawValue)" }

    /// Everything that keys list and messages may be.
    static let all: [SigningCase] = KeySpec.allCases.flatMap { spec in
        spec.signingAlgorithms.flatMap { algorithm in
            algorithm.messageTypes.map { SigningCase(spec: spec, algorithm: algorithm, messageType: $0) }
        }
    }
}

private let message = [UInt8]("what happened, and when".utf8)

struct SignatureTests {
    private static func input(_ testCase: SigningCase) throws -> JSON {
        let bytes =
            switch testCase.messageType {
            case .digest: Hash.digest(try #require(testCase.algorithm.hash), message)
            default: message
            }
        return [
            "KeyId": "alias/k", "Message": .blob(bytes), "MessageType": .string(testCase.messageType.rawValue),
            "SigningAlgorithm": .string(testCase.algorithm.rawValue),
        ]
    }

    private static func bench(_ spec: KeySpec) throws -> Bench {
        try Bench([.make(spec, usage: .signVerify, aliases: ["alias/k"])])
    }

    @Test(arguments: SigningCase.all)
    func `the openssl command verifies what Sign makes`(testCase: SigningCase) async throws {
        let bench = try Self.bench(testCase.spec)
        let output = try bench.answer("Sign", try Self.input(testCase))
        let publicKey = try bench.answer("GetPublicKey", ["KeyId": "alias/k"])
        #expect(output["KeyId"] == publicKey["KeyId"])
        #expect(output["SigningAlgorithm"]?.string == testCase.algorithm.rawValue)

        let directory = try TemporaryDirectory()
        let arguments = [
            "pkeyutl", "-verify", "-pubin", "-keyform", "DER",
            "-inkey", try directory.write(try #require(publicKey.blob("PublicKey")), as: "key").path,
            "-sigfile", try directory.write(try #require(output.blob("Signature")), as: "signature").path,
            // Always over the original message: for DIGEST, openssl's digest must be the one that was handed in.
            "-in", try directory.write(message, as: "message").path,
            "-rawin",
        ]
        let result = try await Tool.run("openssl", arguments + testCase.opensslOptions)
        #expect(result.status == 0, "\(result.text) \(result.errors)")
    }

    @Test(arguments: SigningCase.all)
    func `Verify accepts what Sign makes`(testCase: SigningCase) throws {
        let bench = try Self.bench(testCase.spec)
        var input = try #require(try Self.input(testCase).object)
        input["Signature"] = try bench.answer("Sign", .object(input))["Signature"]
        let output = try bench.answer("Verify", .object(input))
        #expect(output["SignatureValid"]?.bool == true)
        #expect(output["SigningAlgorithm"]?.string == testCase.algorithm.rawValue)
    }

    @Test(arguments: SigningCase.all)
    func `Verify refuses a signature of another message`(testCase: SigningCase) throws {
        let bench = try Self.bench(testCase.spec)
        var input = try #require(try Self.input(testCase).object)
        input["Signature"] = try bench.answer("Sign", .object(input))["Signature"]
        var message = try #require(input.blob("Message"))
        message[0] ^= 1
        input["Message"] = .blob(message)
        #expect(bench.error("Verify", .object(input)) == .invalidSignature)
    }

    @Test(.enabled(if: Tool.pythonHas("cryptography"), "python3 has no module cryptography"))
    func `Python's cryptography verifies what Sign makes`() async throws {
        var lines: [JSON] = []
        for testCase in SigningCase.all {
            let bench = try Self.bench(testCase.spec)
            let output = try bench.answer("Sign", try Self.input(testCase))
            let publicKey = try bench.answer("GetPublicKey", ["KeyId": "alias/k"])
            lines.append([
                "algorithm": .string(testCase.algorithm.rawValue), "message": .blob(message),
                "signature": try #require(output["Signature"]), "key": try #require(publicKey["PublicKey"]),
            ])
        }
        let script = """
            import sys, json, base64
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec, padding
            b = base64.b64decode
            for case in json.load(sys.stdin):
                key = serialization.load_der_public_key(b(case["key"]))
                message, signature, name = b(case["message"]), b(case["signature"]), case["algorithm"]
                hash = getattr(hashes, "SHA" + name[-3:])()
                if name.startswith("ED25519"):
                    key.verify(signature, message)
                elif name.startswith("ECDSA"):
                    key.verify(signature, message, ec.ECDSA(hash))
                elif "PSS" in name:
                    pss = padding.PSS(mgf=padding.MGF1(hash), salt_length=hash.digest_size)
                    key.verify(signature, message, pss, hash)
                else:
                    key.verify(signature, message, padding.PKCS1v15(), hash)
                print("ok", name)
            """
        let result = try await Tool.run("python3", ["-c", script], input: JSON.array(lines).serialized())
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.text.split(separator: "\n").count == SigningCase.all.count)
    }

    @Test func `an Ed25519 signature is 64 bytes and always the same`() throws {
        let bench = try Self.bench(.eccNISTEdwards25519)
        let input: JSON = ["KeyId": "alias/k", "Message": .blob(message), "SigningAlgorithm": "ED25519_SHA_512"]
        let first = try bench.answer("Sign", input).blob("Signature")
        #expect(first?.count == 64)
        #expect(try bench.answer("Sign", input).blob("Signature") == first)
    }

    @Test func `a message may have 4096 bytes and no more`() throws {
        let bench = try Self.bench(.eccNISTP256)
        func input(_ count: Int) -> JSON {
            [
                "KeyId": "alias/k", "Message": .blob([UInt8](repeating: 1, count: count)),
                "SigningAlgorithm": "ECDSA_SHA_256",
            ]
        }
        _ = try bench.answer("Sign", input(4096))
        #expect(bench.error("Sign", input(4097))?.name == "ValidationException")
    }
}

extension SigningCase {
    /// What `openssl pkeyutl -rawin` needs beside the key.
    var opensslOptions: [String] {
        switch algorithm {
        case .ed25519SHA512, .ed25519PhSHA512: []
        case .ecdsaSHA256, .ecdsaSHA384, .ecdsaSHA512: ["-digest", algorithm.hashName]
        case .rsaPKCS1SHA256, .rsaPKCS1SHA384, .rsaPKCS1SHA512:
            ["-digest", algorithm.hashName, "-pkeyopt", "rsa_padding_mode:pkcs1"]
        case .rsaPSSSHA256, .rsaPSSSHA384, .rsaPSSSHA512:
            [
                "-digest", algorithm.hashName, "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest",
            ]
        }
    }
}

extension SigningAlgorithm {
    fileprivate var hash: HashAlgorithm? { HashAlgorithm(rawValue: hashName) }
}

struct MACTests {
    @Test(arguments: [KeySpec.hmac224, .hmac256, .hmac384, .hmac512])
    func `the openssl command makes the same MAC`(spec: KeySpec) async throws {
        // Material that the test knows: longer than the least, as an imported key may be.
        let secret = try SecureRandom.bytes(count: 64)
        var key = try KeyRecord.make(spec, aliases: ["alias/m"], origin: .imported)
        var copy = secret
        key.material = .symmetric(SharedSecret(try SecretBytes(movingFrom: &copy)))
        let algorithm = try #require(spec.macAlgorithms.first)
        let bench = try Bench([key])
        let output = try bench.answer(
            "GenerateMac",
            ["KeyId": "alias/m", "Message": .blob(message), "MacAlgorithm": .string(algorithm.rawValue)]
        )
        let result = try await Tool.run(
            "openssl",
            [
                "dgst", "-\(algorithm.hashName)", "-mac", "HMAC", "-macopt", "hexkey:\(Hex.encode(secret))", "-binary",
            ],
            input: message
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(output.blob("Mac") == result.output)

        let verified = try bench.answer(
            "VerifyMac",
            [
                "KeyId": "alias/m", "Message": .blob(message), "MacAlgorithm": .string(algorithm.rawValue),
                "Mac": .blob(result.output),
            ]
        )
        #expect(verified["MacValid"]?.bool == true)
    }
}
