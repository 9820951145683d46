// SPDX-License-Identifier: Apache-2.0

import KMSProtocol
import Testing

/// What goes together, and the errors of what does not, as recorded from KMS.
struct CompatibilityTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let algorithm: SigningAlgorithm
        let spec: KeySpec
        let type: MessageType
        let length: Int
        let error: KMSError?

        init(
            _ algorithm: SigningAlgorithm,
            _ spec: KeySpec,
            _ type: MessageType,
            _ length: Int,
            _ name: String? = nil,
            _ message: String? = nil
        ) {
            self.algorithm = algorithm
            self.spec = spec
            self.type = type
            self.length = length
            error = name.map { KMSError($0, message) }
        }

        var testDescription: String { "\(algorithm.rawValue) \(spec.rawValue) \(type.rawValue) \(length)" }
    }

    static let usage = "InvalidKeyUsageException"
    static let validation = "ValidationException"

    static let cases: [Case] = [
        .init(.ecdsaSHA256, .eccNISTP256, .raw, 1),
        .init(.ecdsaSHA256, .eccNISTP256, .digest, 32),
        .init(.ecdsaSHA256, .eccSECGP256K1, .digest, 32),
        .init(.ecdsaSHA384, .eccNISTP384, .digest, 48),
        .init(.ecdsaSHA512, .eccNISTP521, .digest, 64),
        .init(.rsaPSSSHA256, .rsa2048, .digest, 32),
        .init(.rsaPKCS1SHA512, .rsa4096, .raw, 4096),
        .init(.ed25519SHA512, .eccNISTEdwards25519, .raw, 4096),
        .init(
            .ecdsaSHA256,
            .eccNISTP256,
            .digest,
            31,
            validation,
            "Digest is invalid length for algorithm ECDSA_SHA_256."
        ),
        .init(
            .rsaPSSSHA384,
            .rsa2048,
            .digest,
            32,
            validation,
            "Digest is invalid length for algorithm RSASSA_PSS_SHA_384."
        ),
        .init(
            .ecdsaSHA256,
            .eccNISTP256,
            .externalMu,
            64,
            validation,
            "Message type EXTERNAL_MU is incompatible with key spec ECC_NIST_P256."
        ),
        .init(
            .ed25519PhSHA512,
            .eccNISTEdwards25519,
            .raw,
            64,
            validation,
            "Message type RAW is incompatible with algorithm ED25519_PH_SHA_512."
        ),
        .init(
            .ed25519SHA512,
            .eccNISTEdwards25519,
            .digest,
            64,
            validation,
            "Message type DIGEST is incompatible with algorithm ED25519_SHA_512."
        ),
        .init(
            .rsaPSSSHA256,
            .eccNISTP256,
            .raw,
            1,
            usage,
            "Algorithm RSASSA_PSS_SHA_256 is incompatible with key spec ECC_NIST_P256."
        ),
        .init(
            .ecdsaSHA256,
            .eccNISTP384,
            .raw,
            1,
            usage,
            "Algorithm ECDSA_SHA_256 is incompatible with key spec ECC_NIST_P384."
        ),
        .init(
            .ed25519SHA512,
            .hmac256,
            .raw,
            1,
            usage,
            "Algorithm ED25519_SHA_512 is incompatible with key spec HMAC_256."
        ),
        .init(
            .ed25519PhSHA512,
            .eccNISTEdwards25519,
            .digest,
            64,
            "UnsupportedOperationException",
            "Algorithm ED25519_PH_SHA_512 is not supported."
        ),
    ]

    @Test(arguments: cases)
    func `algorithm, spec, message type and length go together as in KMS`(_ example: Case) {
        var error: KMSError?
        do {
            try example.algorithm.check(spec: example.spec, messageType: example.type, messageLength: example.length)
        } catch let caught {
            error = caught
        }
        #expect(error == example.error)
    }

    @Test func `a MAC algorithm goes with the spec of its length alone`() {
        for algorithm in MACAlgorithm.allCases {
            let specs = KeySpec.allCases.filter { spec in (try? algorithm.check(spec: spec)) != nil }
            #expect(specs.count == 1)
            #expect(specs.first?.rawValue.suffix(3) == algorithm.rawValue.suffix(3))
            #expect(algorithm.hashName == "sha\(algorithm.rawValue.suffix(3))")
            #expect(algorithm.length * 8 == Int(algorithm.rawValue.suffix(3)))
        }
    }

    @Test func `signing algorithms are listed in KMS's order, without what cannot be made`() {
        #expect(KeySpec.eccNISTEdwards25519.documentedSigningAlgorithms == [.ed25519PhSHA512, .ed25519SHA512])
        #expect(KeySpec.eccNISTEdwards25519.signingAlgorithms == [.ed25519SHA512])
        #expect(
            KeySpec.rsa3072.signingAlgorithms.map(\.rawValue) == [
                "RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
                "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
            ]
        )
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `an algorithm's hash and digest length are those in its name`(_ algorithm: SigningAlgorithm) {
        let bits = algorithm.rawValue.suffix(3)
        #expect(algorithm.hashName == "sha\(bits)")
        #expect(algorithm.digestLength * 8 == Int(bits))
    }

    @Test(arguments: KeySpec.allCases)
    func `each usage of a spec has algorithms`(_ spec: KeySpec) {
        #expect(spec.usages.contains(.signVerify) == !spec.signingAlgorithms.isEmpty)
        #expect(spec.usages.contains(.generateVerifyMAC) == !spec.macAlgorithms.isEmpty)
        #expect(spec.usages.contains(.encryptDecrypt) == !spec.encryptionAlgorithms.isEmpty)
    }
}
