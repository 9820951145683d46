// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Testing

/// A request that is refused for one reason, and how KMS says so.
struct Refusal: Sendable, CustomTestStringConvertible {
    let operation: String
    let input: JSON
    let error: KMSError

    init(_ operation: String, _ input: JSON, _ name: String, _ message: String?) {
        self.operation = operation
        self.input = input
        error = KMSError(name, message)
    }

    var testDescription: String { "\(operation): \(error.message ?? error.name)" }
}

private let arn = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-00000000000"
private let digest32 = JSON.blob([UInt8](repeating: 7, count: 32))

struct ErrorTextTests {
    private static func bench() throws -> Bench {
        try Bench([
            .make(.eccNISTP256, number: 1, aliases: ["alias/p256"]),
            .make(.rsa2048, usage: .signVerify, number: 2, aliases: ["alias/rsa"]),
            .make(.eccNISTEdwards25519, number: 3, aliases: ["alias/ed"]),
            .make(.hmac256, number: 4, aliases: ["alias/mac"]),
            .make(.symmetricDefault, number: 5, aliases: ["alias/aes"]),
            .make(.eccNISTP256, state: .disabled, number: 6, aliases: ["alias/disabled"]),
            .make(.eccNISTP256, state: .pendingDeletion, number: 7, aliases: ["alias/dying"]),
            .make(.rsa2048, usage: .encryptDecrypt, number: 8, aliases: ["alias/oaep"]),
            .make(.eccNISTP256, usage: .keyAgreement, number: 9, aliases: ["alias/ecdh"]),
        ])
    }

    static let input: [Refusal] = [
        Refusal(
            "Sign",
            ["KeyId": "alias/p256", "Message": "", "SigningAlgorithm": "ECDSA_SHA_256"],
            "ValidationException",
            "1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length greater than or equal to 1"
        ),
        Refusal(
            "Sign",
            ["Message": "AA==", "SigningAlgorithm": "ECDSA_SHA_256"],
            "ValidationException",
            "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null"
        ),
        Refusal(
            "Sign",
            ["KeyId": "alias/p256", "Message": digest32, "SigningAlgorithm": "ECDSA_SHA_1"],
            "ValidationException",
            "1 validation error detected: Value 'ECDSA_SHA_1' at 'signingAlgorithm' failed to satisfy constraint: "
                + "Member must satisfy enum value set: [RSASSA_PSS_SHA_256, RSASSA_PSS_SHA_384, RSASSA_PSS_SHA_512, "
                + "RSASSA_PKCS1_V1_5_SHA_256, RSASSA_PKCS1_V1_5_SHA_384, RSASSA_PKCS1_V1_5_SHA_512, ECDSA_SHA_256, "
                + "ECDSA_SHA_384, ECDSA_SHA_512, ED25519_SHA_512, ED25519_PH_SHA_512]"
        ),
        Refusal(
            "CreateKey",
            ["KeySpec": "ECC_NIST_P256"],
            "ValidationException",
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
        ),
        Refusal(
            "GenerateDataKey",
            ["KeyId": "alias/aes"],
            "ValidationException",
            "Please specify either number of bytes or key spec."
        ),
        Refusal("Frobnicate", [:], "UnknownOperationException", nil),
        Refusal("GenerateRandom", [:], "ValidationException", "Please specify number of bytes."),
    ]

    static let messages: [Refusal] = [
        Refusal(
            "Sign",
            ["KeyId": "alias/p256", "Message": "AAAA", "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"],
            "ValidationException",
            "Digest is invalid length for algorithm ECDSA_SHA_256."
        ),
        Refusal(
            "Sign",
            [
                "KeyId": "alias/rsa", "Message": "AAAA", "MessageType": "DIGEST",
                "SigningAlgorithm": "RSASSA_PSS_SHA_384",
            ],
            "ValidationException",
            "Digest is invalid length for algorithm RSASSA_PSS_SHA_384."
        ),
        Refusal(
            "Verify",
            [
                "KeyId": "alias/p256", "Message": "AAAA", "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256",
                "Signature": "AAAA",
            ],
            "ValidationException",
            "Digest is invalid length for algorithm ECDSA_SHA_256."
        ),
        Refusal(
            "Sign",
            [
                "KeyId": "alias/p256", "Message": digest32, "MessageType": "EXTERNAL_MU",
                "SigningAlgorithm": "ECDSA_SHA_256",
            ],
            "ValidationException",
            "Message type EXTERNAL_MU is incompatible with key spec ECC_NIST_P256."
        ),
        Refusal(
            "Sign",
            [
                "KeyId": "alias/ed", "Message": .blob([UInt8](repeating: 1, count: 64)), "MessageType": "DIGEST",
                "SigningAlgorithm": "ED25519_SHA_512",
            ],
            "ValidationException",
            "Message type DIGEST is incompatible with algorithm ED25519_SHA_512."
        ),
        Refusal(
            "Sign",
            ["KeyId": "alias/ed", "Message": digest32, "SigningAlgorithm": "ED25519_PH_SHA_512"],
            "ValidationException",
            "Message type RAW is incompatible with algorithm ED25519_PH_SHA_512."
        ),
        Refusal(
            "Sign",
            [
                "KeyId": "alias/ed", "Message": .blob([UInt8](repeating: 1, count: 64)), "MessageType": "DIGEST",
                "SigningAlgorithm": "ED25519_PH_SHA_512",
            ],
            "UnsupportedOperationException",
            "Algorithm ED25519_PH_SHA_512 is not supported."
        ),
    ]

    static let usage: [Refusal] = [
        Refusal(
            "Sign",
            ["KeyId": "alias/p256", "Message": digest32, "SigningAlgorithm": "RSASSA_PSS_SHA_256"],
            "InvalidKeyUsageException",
            "Algorithm RSASSA_PSS_SHA_256 is incompatible with key spec ECC_NIST_P256."
        ),
        Refusal(
            "Sign",
            ["KeyId": "alias/mac", "Message": digest32, "SigningAlgorithm": "ECDSA_SHA_256"],
            "InvalidKeyUsageException",
            "\(arn)4 key usage is GENERATE_VERIFY_MAC which is not valid for Sign."
        ),
        Refusal(
            "Verify",
            ["KeyId": "alias/ecdh", "Message": digest32, "SigningAlgorithm": "ECDSA_SHA_256", "Signature": "AAAA"],
            "InvalidKeyUsageException",
            "\(arn)9 key usage is KEY_AGREEMENT which is not valid for Verify."
        ),
        Refusal(
            "GenerateMac",
            ["KeyId": "alias/p256", "Message": digest32, "MacAlgorithm": "HMAC_SHA_256"],
            "InvalidKeyUsageException",
            "\(arn)1 key usage is SIGN_VERIFY which is not valid for GenerateMac."
        ),
        Refusal(
            "GenerateMac",
            ["KeyId": "alias/mac", "Message": digest32, "MacAlgorithm": "HMAC_SHA_512"],
            "InvalidKeyUsageException",
            "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256."
        ),
        Refusal(
            "Encrypt",
            ["KeyId": "alias/mac", "Plaintext": "AAAA"],
            "InvalidKeyUsageException",
            "\(arn)4 key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt."
        ),
        Refusal(
            "Encrypt",
            ["KeyId": "alias/aes", "Plaintext": "AAAA", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"],
            "InvalidKeyUsageException",
            "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."
        ),
        Refusal(
            "Encrypt",
            ["KeyId": "alias/oaep", "Plaintext": "AAAA", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"],
            "UnsupportedOperationException",
            "Algorithm RSAES_OAEP_SHA_256 is not supported."
        ),
        Refusal(
            "Decrypt",
            ["CiphertextBlob": "AAAA", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"],
            "ValidationException",
            "KeyId must not be null"
        ),
        Refusal("GetPublicKey", ["KeyId": "alias/mac"], "UnsupportedOperationException", nil),
        Refusal("GetPublicKey", ["KeyId": "alias/aes"], "UnsupportedOperationException", nil),
    ]

    static let state: [Refusal] = [
        // A disabled key is refused before the algorithm is looked at.
        Refusal(
            "Sign",
            ["KeyId": "alias/disabled", "Message": digest32, "SigningAlgorithm": "RSASSA_PSS_SHA_256"],
            "DisabledException",
            "\(arn)6 is disabled."
        ),
        Refusal(
            "Sign",
            ["KeyId": "alias/dying", "Message": digest32, "SigningAlgorithm": "ECDSA_SHA_256"],
            "KMSInvalidStateException",
            "\(arn)7 is pending deletion."
        ),
        Refusal(
            "GetPublicKey",
            ["KeyId": "alias/dying"],
            "KMSInvalidStateException",
            "\(arn)7 is pending deletion."
        ),
        Refusal(
            "CreateAlias",
            ["AliasName": "alias/x", "TargetKeyId": .string(arn + "7")],
            "KMSInvalidStateException",
            "\(arn)7 is pending deletion."
        ),
    ]

    static let outcomes: [Refusal] = [
        Refusal(
            "Verify",
            ["KeyId": "alias/p256", "Message": digest32, "SigningAlgorithm": "ECDSA_SHA_256", "Signature": "AAAA"],
            "KMSInvalidSignatureException",
            nil
        ),
        Refusal(
            "VerifyMac",
            ["KeyId": "alias/mac", "Message": digest32, "MacAlgorithm": "HMAC_SHA_256", "Mac": "AAAA"],
            "KMSInvalidMacException",
            nil
        ),
        Refusal(
            "VerifyMac",
            ["KeyId": "alias/mac", "Message": digest32, "MacAlgorithm": "HMAC_SHA_256", "Mac": digest32],
            "KMSInvalidMacException",
            nil
        ),
        Refusal(
            "Sign",
            ["KeyId": "alias/p256", "Message": digest32, "SigningAlgorithm": "ECDSA_SHA_256", "DryRun": true],
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun option is set."
        ),
        // What is wrong is said although nothing would be done.
        Refusal(
            "Verify",
            [
                "KeyId": "alias/p256", "Message": digest32, "SigningAlgorithm": "ECDSA_SHA_256", "Signature": "AAAA",
                "DryRun": true,
            ],
            "KMSInvalidSignatureException",
            nil
        ),
        Refusal(
            "VerifyMac",
            [
                "KeyId": "alias/mac", "Message": digest32, "MacAlgorithm": "HMAC_SHA_256", "Mac": "AAAA",
                "DryRun": true,
            ],
            "KMSInvalidMacException",
            nil
        ),
        Refusal(
            "GenerateMac",
            ["KeyId": "alias/mac", "Message": digest32, "MacAlgorithm": "HMAC_SHA_256", "DryRun": true],
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun option is set."
        ),
        Refusal("Decrypt", ["CiphertextBlob": "AQICAHgAAAA="], "InvalidCiphertextException", nil),
        Refusal("Decrypt", ["KeyId": "alias/aes", "CiphertextBlob": "AAAA"], "InvalidCiphertextException", nil),
        Refusal(
            "Decrypt",
            ["KeyId": "alias/aes", "CiphertextBlob": "AAAA", "DryRun": true],
            "InvalidCiphertextException",
            nil
        ),
    ]

    static let names: [Refusal] = [
        Refusal(
            "CreateAlias",
            ["AliasName": "x", "TargetKeyId": .string(arn + "1")],
            "ValidationException",
            "Invalid identifier"
        ),
        Refusal(
            "CreateAlias",
            ["AliasName": "alias/aws/x", "TargetKeyId": .string(arn + "1")],
            "NotAuthorizedException",
            nil
        ),
        Refusal(
            "CreateAlias",
            ["AliasName": "alias/p256", "TargetKeyId": .string(arn + "2")],
            "AlreadyExistsException",
            "An alias with the name arn:aws:kms:eu-central-1:111122223333:alias/p256 already exists"
        ),
        Refusal(
            "CreateAlias",
            ["AliasName": "alias/x", "TargetKeyId": "alias/p256"],
            "ValidationException",
            "Aliases must refer to keys. Not aliases"
        ),
        Refusal(
            "PutKeyPolicy",
            ["KeyId": "alias/p256", "Policy": "{}"],
            "NotFoundException",
            "Invalid keyId 'alias/p256'"
        ),
        Refusal("GetKeyPolicy", ["KeyId": "alias/p256"], "NotFoundException", "Invalid keyId 'alias/p256'"),
        Refusal("ListAliases", ["KeyId": "alias/p256"], "NotFoundException", "Invalid keyId 'alias/p256'"),
        Refusal(
            "ListAliases",
            ["Marker": "!"],
            "InvalidMarkerException",
            "Could not deserialize marker '!'"
        ),
    ]

    @Test(arguments: input + messages + usage + state + outcomes + names)
    func `a refusal has KMS's name and words`(refusal: Refusal) throws {
        #expect(try Self.bench().error(refusal.operation, refusal.input) == refusal.error)
    }

    @Test func `an operation that is not offered is unknown`() throws {
        var bench = try Bench([.make(.symmetricDefault, aliases: ["alias/aes"])])
        bench.service = KeyService(account: Bench.account, region: Bench.region)
        for operation in KeyService.changeOperations.union([KeyService.randomOperation, "CreateGrant"]) {
            #expect(bench.error(operation, ["KeyId": "alias/aes"]) == .unknownOperation)
        }
        // Unless the broker has one of its own for it.
        for operation in KeyService.encryptionOperations {
            let error = bench.error(operation, ["KeyId": "alias/aes"])
            #expect(error?.name == "UnsupportedOperationException")
            #expect(error?.message?.contains("KeyBroker.Encrypt and KeyBroker.Decrypt") == true)
        }
    }

    @Test func `a disabled key shows its public key`() throws {
        #expect(try Self.bench().answer("GetPublicKey", ["KeyId": "alias/disabled"])["PublicKey"] != nil)
    }
}
