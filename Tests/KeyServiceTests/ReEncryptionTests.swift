// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Testing

struct ReEncryptionTests {
    private static func bench() throws -> Bench {
        try Bench([
            .make(.symmetricDefault, number: 1, aliases: ["alias/from"]),
            .make(.symmetricDefault, number: 2, aliases: ["alias/to"]),
            .make(.symmetricDefault, state: .disabled, number: 3, aliases: ["alias/off"]),
            .make(.hmac256, number: 4, aliases: ["alias/mac"]),
        ])
    }

    private static let arn = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-00000000000"

    private static func sealed(_ bench: Bench, _ context: JSON = ["a": "b"]) throws -> JSON {
        try #require(
            try bench.answer(
                "Encrypt",
                ["KeyId": "alias/from", "Plaintext": .text("secret"), "EncryptionContext": context]
            )["CiphertextBlob"]
        )
    }

    @Test func `a ciphertext moves to another key and another context, and shows no plaintext`() throws {
        let bench = try Self.bench()
        let output = try bench.answer(
            "ReEncrypt",
            [
                "CiphertextBlob": try Self.sealed(bench), "SourceEncryptionContext": ["a": "b"],
                "DestinationKeyId": "alias/to", "DestinationEncryptionContext": ["c": "d"],
            ]
        )
        #expect(output["SourceKeyId"]?.string == Self.arn + "1" && output["KeyId"]?.string == Self.arn + "2")
        #expect(output["SourceEncryptionAlgorithm"] == "SYMMETRIC_DEFAULT")
        #expect(output["DestinationEncryptionAlgorithm"] == "SYMMETRIC_DEFAULT")
        #expect(output["SourceKeyMaterialId"] != nil && output["Plaintext"] == nil)
        #expect(output["SourceKeyMaterialId"] != output["DestinationKeyMaterialId"])
        let blob = try #require(output["CiphertextBlob"])
        let opened = try bench.answer("Decrypt", ["CiphertextBlob": blob, "EncryptionContext": ["c": "d"]])
        #expect(opened["Plaintext"] == .text("secret") && opened["KeyId"]?.string == Self.arn + "2")
        #expect(
            bench.error("Decrypt", ["CiphertextBlob": blob, "EncryptionContext": ["a": "b"]]) == .invalidCiphertext
        )
    }

    private static func input(_ bench: Bench, _ changes: JSON) throws -> JSON {
        var input = JSONObject([
            ("CiphertextBlob", try sealed(bench)), ("SourceEncryptionContext", ["a": "b"]),
            ("DestinationKeyId", "alias/to"),
        ])
        for member in changes.object?.members ?? [] { input[member.name] = member.value }
        return .object(input)
    }

    static let refusals: [(changes: JSON, error: KMSError)] = [
        (["SourceEncryptionContext": ["a": "c"]], .invalidCiphertext),
        (["SourceEncryptionContext": nil], .invalidCiphertext),
        (["CiphertextBlob": "AAAA"], .invalidCiphertext),
        (
            ["SourceKeyId": "alias/to"],
            KMSError(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation."
            )
        ),
        (["DestinationKeyId": "alias/off"], KMSError("DisabledException", "\(arn)3 is disabled.")),
        (["SourceKeyId": "alias/off"], KMSError("DisabledException", "\(arn)3 is disabled.")),
        (
            ["DestinationKeyId": "alias/mac"],
            KMSError(
                "InvalidKeyUsageException",
                "\(arn)4 key usage is GENERATE_VERIFY_MAC which is not valid for ReEncrypt."
            )
        ),
        (
            ["DestinationKeyId": nil],
            .validation(
                "1 validation error detected: Value null at 'destinationKeyId' failed to satisfy constraint: "
                    + "Member must not be null"
            )
        ),
        (["SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256"], .validation("SourceKeyId must not be null")),
        (
            ["DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256"],
            KMSError(
                "InvalidKeyUsageException",
                "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."
            )
        ),
        (["DryRun": true], .dryRunSucceeded), (["DryRun": true, "CiphertextBlob": "AAAA"], .invalidCiphertext),
    ]

    @Test(arguments: refusals)
    func `a refusal has KMS's name and words`(changes: JSON, error: KMSError) throws {
        let bench = try Self.bench()
        #expect(bench.error("ReEncrypt", try Self.input(bench, changes)) == error)
    }

    @Test func `it needs kms:ReEncryptFrom on the one key and kms:ReEncryptTo on the other`() throws {
        func statement(_ action: JSON, _ number: Int) -> JSON {
            ["Effect": "Allow", "Action": action, "Resource": .string(Self.arn + String(number))]
        }
        let (from, to) = (statement("kms:ReEncryptFrom", 1), statement("kms:ReEncryptTo", 2))
        for (statements, missing) in [
            ([from, to], nil), ([to], "kms:ReEncryptFrom"), ([from], "kms:ReEncryptTo"),
            ([statement("kms:ReEncrypt", 1), statement("kms:ReEncrypt", 2)], "kms:ReEncryptFrom"),
            ([statement("kms:ReEncryptTo", 1), statement("kms:ReEncryptFrom", 2)], "kms:ReEncryptFrom"),
        ] as [([JSON], String?)] {
            var bench = try Self.bench()
            let input = try Self.input(bench, [:])
            bench.caller = try Bench.user(policies: [["Version": "2012-10-17", "Statement": .array(statements)]])
            let error = bench.error("ReEncrypt", input)
            #expect(error?.name == (missing == nil ? nil : "AccessDeniedException"))
            if let missing { #expect(error?.message?.contains("perform: \(missing) on") == true) }
        }
    }

    @Test(arguments: [("alias/from", "true"), ("alias/to", "false")])
    func `policies see whether it is the same key`(destination: String, same: String) throws {
        var bench = try Self.bench()
        let input = try Self.input(bench, ["DestinationKeyId": .string(destination)])
        for condition in ["true", "false"] {
            bench.caller = try Bench.user(policies: [
                [
                    "Version": "2012-10-17",
                    "Statement": [
                        "Effect": "Allow", "Action": "kms:ReEncrypt*", "Resource": "*",
                        "Condition": ["Bool": ["kms:ReEncryptOnSameKey": .string(condition)]],
                    ],
                ]
            ])
            #expect((bench.error("ReEncrypt", input) == nil) == (condition == same))
        }
    }

    @Test func `a data key without plaintext is decrypted later`() throws {
        let bench = try Self.bench()
        let output = try bench.answer(
            "GenerateDataKeyWithoutPlaintext",
            [
                "KeyId": "alias/from", "KeySpec": "AES_128", "EncryptionContext": ["a": "b"],
                // It has none: an unknown member is ignored.
                "Recipient": ["KeyEncryptionAlgorithm": "X"],
            ]
        )
        #expect(output["Plaintext"] == nil && output["KeyId"]?.string == Self.arn + "1")
        #expect(output["KeyMaterialId"] != nil)
        let opened = try bench.answer(
            "Decrypt",
            ["CiphertextBlob": try #require(output["CiphertextBlob"]), "EncryptionContext": ["a": "b"]]
        )
        #expect(opened.blob("Plaintext")?.count == 16)
    }

    @Test func `new keys are named by whoever is asked`() throws {
        var bench = try Bench()
        bench.service = KeyService(
            account: Bench.account,
            region: Bench.region,
            operations: bench.service.operations,
            keyIDs: { "00000000-0000-4000-8000-000000000007" }
        )
        let metadata = try bench.change("CreateKey", [:])?["KeyMetadata"]?.object
        #expect(metadata?["KeyId"] == "00000000-0000-4000-8000-000000000007")
        // A name that is taken makes nothing.
        #expect(bench.error("CreateKey", [:])?.name == "KMSInternalException")
    }
}
