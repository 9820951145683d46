// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import TestSupport
import Testing

struct EncryptionTests {
    private static func bench() throws -> Bench {
        var other = try KeyRecord.make(.symmetricDefault, number: 2, aliases: ["alias/other"])
        other.material = try KeySpec.symmetricDefault.makeMaterial()
        return try Bench([.make(.symmetricDefault, aliases: ["alias/aes"]), other])
    }

    private static let plaintext = [UInt8]("thirty-two bytes of a secret key".utf8)

    private static func ciphertext(_ bench: Bench, context: JSON = ["a": "1", "b": "2"]) throws -> JSON {
        try #require(
            try bench.answer(
                "Encrypt",
                ["KeyId": "alias/aes", "Plaintext": .blob(plaintext), "EncryptionContext": context]
            )["CiphertextBlob"]
        )
    }

    @Test(arguments: [1, 32, 4096])
    func `Decrypt gives back what Encrypt was given`(count: Int) throws {
        let bench = try Self.bench()
        let plaintext = try SecureRandom.bytes(count: count)
        let encrypted = try bench.answer("Encrypt", ["KeyId": "alias/aes", "Plaintext": .blob(plaintext)])
        let output = try bench.answer("Decrypt", ["CiphertextBlob": try #require(encrypted["CiphertextBlob"])])
        #expect(output.blob("Plaintext") == plaintext)
        #expect(output["KeyId"] == encrypted["KeyId"])
        #expect(output["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT")
        #expect(output["KeyMaterialId"]?.string?.utf8.count == 64)
        #expect(output["CiphertextForRecipient"] == nil)
    }

    @Test func `the order of an encryption context does not matter`() throws {
        let bench = try Self.bench()
        let blob = try Self.ciphertext(bench)
        let output = try bench.answer("Decrypt", ["CiphertextBlob": blob, "EncryptionContext": ["b": "2", "a": "1"]])
        #expect(output.blob("Plaintext") == Self.plaintext)
    }

    @Test(
        arguments: [
            [:], ["a": "1"], ["a": "1", "b": "3"], ["a": "1", "B": "2"], ["a": "1", "b": "2", "c": ""],
            ["a": "1b", "": "2"],
            ["a": "2", "b": "1"],
        ] as [JSON]
    )
    func `another encryption context does not decrypt`(context: JSON) throws {
        let bench = try Self.bench()
        let blob = try Self.ciphertext(bench)
        #expect(
            bench.error("Decrypt", ["CiphertextBlob": blob, "EncryptionContext": context]) == .invalidCiphertext
        )
    }

    @Test func `a ciphertext of another key is named so`() throws {
        let bench = try Self.bench()
        let blob = try Self.ciphertext(bench)
        #expect(
            bench.error(
                "Decrypt",
                ["CiphertextBlob": blob, "KeyId": "alias/other", "EncryptionContext": ["a": "1", "b": "2"]]
            )
                == KMSError(
                    "IncorrectKeyException",
                    "The key ID in the request does not identify a CMK that can perform this operation."
                )
        )
    }

    @Test func `a ciphertext of a key that is not there is refused as if it were not allowed`() throws {
        let blob = try Self.ciphertext(try Self.bench())
        #expect(
            try Bench().error("Decrypt", ["CiphertextBlob": blob])
                == KMSError(
                    "AccessDeniedException",
                    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
                        + "or you are not allowed to access."
                )
        )
    }

    @Test func `no changed byte of a ciphertext decrypts`() throws {
        let bench = try Self.bench()
        let encrypted = try bench.answer("Encrypt", ["KeyId": "alias/aes", "Plaintext": .blob(Self.plaintext)])
        let blob = try #require(encrypted.blob("CiphertextBlob"))
        for index in blob.indices {
            var changed = blob
            changed[index] ^= 0x01
            #expect(bench.error("Decrypt", ["CiphertextBlob": .blob(changed)]) != nil, "byte \(index)")
            let shorter = Array(blob[..<index])
            #expect(bench.error("Decrypt", ["CiphertextBlob": .blob(shorter)]) != nil, "first \(index) bytes")
        }
    }

    @Test(
        arguments: [
            (["KeySpec": "AES_256"], 32), (["KeySpec": "AES_128"], 16), (["NumberOfBytes": 1024], 1024),
        ] as [(JSON, Int)]
    )
    func `a data key comes in clear and encrypted`(size: JSON, count: Int) throws {
        let bench = try Self.bench()
        var input = try #require(size.object)
        input["KeyId"] = "alias/aes"
        input["EncryptionContext"] = ["purpose": "tsk"]
        let output = try bench.answer("GenerateDataKey", .object(input))
        let dataKey = try #require(output.blob("Plaintext"))
        #expect(dataKey.count == count)
        let decrypted = try bench.answer(
            "Decrypt",
            [
                "CiphertextBlob": try #require(output["CiphertextBlob"]), "EncryptionContext": ["purpose": "tsk"],
            ]
        )
        #expect(decrypted.blob("Plaintext") == dataKey)
        #expect(try bench.answer("GenerateDataKey", .object(input)).blob("Plaintext") != dataKey)
    }
}

/// `Recipient`, after its document was verified.
struct RecipientTests {
    private static let pcr0 = [UInt8](repeating: 0xAB, count: 48)

    private static func bench(_ recipient: PrivateKey?) throws -> Bench {
        var bench = try Bench([.make(.symmetricDefault, aliases: ["alias/aes"])])
        bench.circumstances.recipient = recipient.map { Recipient(pcrs: [0: pcr0], publicKey: $0.publicKey) }
        return bench
    }

    private static let recipientParameter: JSON = [
        "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "AAAA",
    ]

    private static func recipientKey() throws -> PrivateKey {
        guard case .asymmetric(let key) = try Materials.material(of: .rsa2048) else {
            throw CryptographyError(.malformedKey)
        }
        return key
    }

    @Test func `a secret for a recipient leaves encrypted to its key, and not in clear`() async throws {
        let key = try Self.recipientKey()
        let bench = try Self.bench(key)
        let dataKey = try bench.answer(
            "GenerateDataKey",
            ["KeyId": "alias/aes", "KeySpec": "AES_256", "Recipient": Self.recipientParameter]
        )
        #expect(dataKey["Plaintext"] == nil && dataKey["KeyMaterialId"] == nil)
        let decrypted = try bench.answer(
            "Decrypt",
            ["CiphertextBlob": try #require(dataKey["CiphertextBlob"]), "Recipient": Self.recipientParameter]
        )
        #expect(decrypted["Plaintext"] == nil && decrypted["KeyMaterialId"] == nil)
        let first = try CMSEnvelopedData.open(try #require(dataKey.blob("CiphertextForRecipient")), key: key)
        let second = try CMSEnvelopedData.open(try #require(decrypted.blob("CiphertextForRecipient")), key: key)
        let (count, areEqual) = (first.count, first.equals(second))
        #expect(count == 32)
        #expect(areEqual)
    }

    @Test(arguments: ["Decrypt", "GenerateDataKey"])
    func `a recipient that nobody verified gets nothing, least of all in clear`(operation: String) throws {
        let bench = try Self.bench(nil)
        let encrypted = try bench.answer("Encrypt", ["KeyId": "alias/aes", "Plaintext": "AAAA"])
        let error = bench.error(
            operation,
            [
                "KeyId": "alias/aes", "CiphertextBlob": try #require(encrypted["CiphertextBlob"]), "NumberOfBytes": 32,
                "Recipient": Self.recipientParameter,
            ]
        )
        #expect(error == KMSError("UnsupportedOperationException", "Recipient is not supported."))
    }
}
