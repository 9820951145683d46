// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Testing

struct DescriptionTests {
    @Test func `key metadata has the members that KMS gives a signing key`() throws {
        let key = try KeyRecord.make(.eccNISTP256, aliases: ["alias/k"])
        let metadata = try Bench([key]).answer("DescribeKey", ["KeyId": "alias/k"])["KeyMetadata"]
        let expected: JSON = [
            "AWSAccountId": "111122223333",
            "KeyId": .string(key.id),
            "Arn": .string(key.arn),
            "CreationDate": 1_764_000_000,
            "Enabled": true,
            "Description": "",
            "KeyUsage": "SIGN_VERIFY",
            "KeyState": "Enabled",
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": "ECC_NIST_P256",
            "KeySpec": "ECC_NIST_P256",
            "MultiRegion": false,
            "SigningAlgorithms": ["ECDSA_SHA_256"],
        ]
        #expect(metadata == expected)
    }

    @Test func `an Ed25519 key lists only the algorithm that can be made`() throws {
        let bench = try Bench([.make(.eccNISTEdwards25519, aliases: ["alias/k"])])
        let metadata = try bench.answer("DescribeKey", ["KeyId": "alias/k"])["KeyMetadata"]?.object
        #expect(metadata?["SigningAlgorithms"] == ["ED25519_SHA_512"])
        #expect(metadata?["CustomerMasterKeySpec"] == "ECC_NIST_EDWARDS25519")
        #expect(try bench.answer("GetPublicKey", ["KeyId": "alias/k"])["SigningAlgorithms"] == ["ED25519_SHA_512"])
    }

    @Test func `a symmetric key names its material, and others do not`() throws {
        let bench = try Bench([
            .make(.symmetricDefault, number: 1, aliases: ["alias/aes"]),
            .make(.hmac256, number: 2, aliases: ["alias/mac"]),
        ])
        let aes = try bench.answer("DescribeKey", ["KeyId": "alias/aes"])["KeyMetadata"]?.object
        #expect(aes?["CurrentKeyMaterialId"]?.string?.utf8.count == 64)
        #expect(aes?["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"])
        let mac = try bench.answer("DescribeKey", ["KeyId": "alias/mac"])["KeyMetadata"]?.object
        #expect(mac?["CurrentKeyMaterialId"] == nil)
        #expect(mac?["MacAlgorithms"] == ["HMAC_SHA_256"])
    }

    @Test func `imported and dying keys say so`() throws {
        var key = try KeyRecord.make(.rsa2048, usage: .signVerify, state: .pendingDeletion, origin: .imported)
        key.deletionDate = Timestamp(milliseconds: 1_764_000_000_500)
        let metadata = try Bench([key]).answer("DescribeKey", ["KeyId": .string(key.arn)])["KeyMetadata"]?.object
        #expect(metadata?["Origin"] == "EXTERNAL")
        #expect(metadata?["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE")
        #expect(metadata?["KeyState"] == "PendingDeletion")
        #expect(metadata?["Enabled"] == false)
        guard case .number(let date)? = metadata?["DeletionDate"] else {
            Issue.record("no DeletionDate")
            return
        }
        #expect(date.text == "1764000000.5")
    }
}

struct ListTests {
    private static func bench() throws -> Bench {
        try Bench((1...7).map { try .make(.hmac256, number: $0, aliases: ["alias/\(8 - $0)", "alias/x\($0)"]) })
    }

    @Test(arguments: [1, 3, 13, 14, 50])
    func `pages of aliases together are all of them once, in order`(limit: Int) throws {
        let bench = try Self.bench()
        var names: [String] = []
        var input = JSONObject([("Limit", .number(JSONNumber(Int64(limit))))])
        repeat {
            let output = try bench.answer("ListAliases", .object(input))
            let page = try #require(output["Aliases"]?.array)
            #expect(page.count <= limit)
            names += page.compactMap { $0.object?["AliasName"]?.string }
            #expect(output["Truncated"]?.bool == (output["NextMarker"] != nil))
            input["Marker"] = output["NextMarker"]
        } while input["Marker"] != nil
        #expect(names == ((1...7).map { "alias/\($0)" } + (1...7).map { "alias/x\($0)" }))
    }

    @Test func `aliases of one key are its own, with the bare id as target`() throws {
        let bench = try Self.bench()
        let key = try bench.keys.resolve("alias/x3").key
        let output = try bench.answer("ListAliases", ["KeyId": .string(key.id)])
        let aliases = try #require(output["Aliases"]?.array)
        #expect(aliases.compactMap { $0.object?["AliasName"]?.string } == ["alias/5", "alias/x3"])
        #expect(aliases.allSatisfy { $0.object?["TargetKeyId"]?.string == key.id })
        #expect(aliases.first?.object?["AliasArn"] == "arn:aws:kms:eu-central-1:111122223333:alias/5")
    }

    @Test func `keys are listed by id and ARN`() throws {
        let output = try Self.bench().answer("ListKeys", ["Limit": 2])
        let keys = try #require(output["Keys"]?.array)
        #expect(keys.count == 2 && output["Truncated"] == true)
        #expect(
            keys.first == [
                "KeyId": "0a1b2c3d-4e5f-4a6b-8c7d-000000000001",
                "KeyArn": "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-000000000001",
            ]
        )
    }
}
