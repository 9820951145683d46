// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Testing

struct CreateKeyTests {
    @Test(arguments: KeySpec.allCases)
    func `a key of each spec and usage is made`(spec: KeySpec) throws {
        for usage in spec.usages where !(spec == .rsa3072 || spec == .rsa4096) {
            var bench = try Bench()
            let output = try bench.change(
                "CreateKey",
                ["KeySpec": .string(spec.rawValue), "KeyUsage": .string(usage.rawValue), "Description": "one"]
            )
            let metadata = try #require(output?["KeyMetadata"]?.object)
            #expect(metadata["KeySpec"]?.string == spec.rawValue)
            #expect(metadata["KeyUsage"]?.string == usage.rawValue)
            #expect(metadata["Description"] == "one")
            let arn = try #require(metadata["Arn"]?.string)
            let key = try bench.keys.resolve(arn).key
            #expect(spec.accepts(key.material))
            #expect(KeyReference(key.id) == .id(key.id))
        }
    }

    @Test func `a key without more is for symmetric encryption and open to its account`() throws {
        var bench = try Bench()
        let metadata = try #require(try bench.change("CreateKey", [:])?["KeyMetadata"]?.object)
        #expect(metadata["KeySpec"] == "SYMMETRIC_DEFAULT" && metadata["KeyUsage"] == "ENCRYPT_DECRYPT")
        let policy = try bench.answer("GetKeyPolicy", ["KeyId": try #require(metadata["KeyId"])])
        #expect(policy["PolicyName"] == "default")
        let parsed = try JSON.parse([UInt8](try #require(policy["Policy"]?.string).utf8))
        let expected: JSON = [
            "Version": "2012-10-17", "Id": "key-default-1",
            "Statement": [
                [
                    "Sid": "Enable IAM User Permissions", "Effect": "Allow",
                    "Principal": ["AWS": "arn:aws:iam::111122223333:root"], "Action": "kms:*", "Resource": "*",
                ]
            ],
        ]
        #expect(parsed == expected)
    }

    @Test(
        arguments: [
            (["KeySpec": "HMAC_256", "KeyUsage": "SIGN_VERIFY"], "ValidationException"),
            (["KeySpec": "RSA_1024"], "ValidationException"),
            (["Origin": "EXTERNAL"], "UnsupportedOperationException"),
            (["MultiRegion": true], "UnsupportedOperationException"),
            (["Tags": [["TagKey": "AWS:a", "TagValue": "b"]]], "TagException"),
            (["Policy": "{"], "MalformedPolicyDocumentException"),
            (["Policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}"], "MalformedPolicyDocumentException"),
        ] as [(JSON, String)]
    )
    func `what cannot be made is refused and makes nothing`(input: JSON, name: String) throws {
        var bench = try Bench()
        let error = #expect(throws: KMSError.self) { try bench.change("CreateKey", input) }
        #expect(error?.name == name)
        #expect(bench.keys.keys.isEmpty)
    }
}

struct PolicyChangeTests {
    private static func policy(allowing actions: JSON) -> JSON {
        let policy: JSON = [
            "Version": "2012-10-17",
            "Statement": [
                "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::111122223333:root"], "Action": actions,
                "Resource": "*",
            ],
        ]
        return .string(String(decoding: policy.serialized(), as: UTF8.self))
    }

    private static let lockedOut = KMSError(
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future."
    )

    @Test func `the policy that was put is the one that counts`() throws {
        var bench = try Bench([.make(.hmac256, aliases: ["alias/k"])])
        let id = JSON.string(try bench.keys.resolve("alias/k").key.id)
        let output = try bench.change(
            "PutKeyPolicy",
            ["KeyId": id, "Policy": Self.policy(allowing: ["kms:PutKeyPolicy", "kms:GetKeyPolicy"])]
        )
        #expect(output == nil)
        #expect(bench.error("DescribeKey", ["KeyId": id])?.name == "AccessDeniedException")
        _ = try bench.change("PutKeyPolicy", ["KeyId": id, "Policy": Self.policy(allowing: "kms:*")])
        #expect(bench.error("DescribeKey", ["KeyId": id]) == nil)
    }

    @Test func `a policy that locks its author out is refused unless that is waived`() throws {
        var bench = try Bench([.make(.hmac256, aliases: ["alias/k"])])
        let id = JSON.string(try bench.keys.resolve("alias/k").key.id)
        let policy = Self.policy(allowing: "kms:GenerateMac")
        #expect(bench.error("PutKeyPolicy", ["KeyId": id, "Policy": policy]) == Self.lockedOut)
        #expect(bench.error("CreateKey", ["Policy": policy]) == Self.lockedOut)
        try bench.change("PutKeyPolicy", ["KeyId": id, "Policy": policy, "BypassPolicyLockoutSafetyCheck": true])
        #expect(
            bench.error("PutKeyPolicy", ["KeyId": id, "Policy": Self.policy(allowing: "kms:*")])?.name
                == "AccessDeniedException"
        )
    }

    @Test func `a policy that is no policy is malformed, and nothing changes`() throws {
        let bench = try Bench([.make(.hmac256, aliases: ["alias/k"])])
        let id = JSON.string(try bench.keys.resolve("alias/k").key.id)
        for policy: JSON in ["x", "[]", "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Perhaps\"}}"] {
            #expect(
                bench.error("PutKeyPolicy", ["KeyId": id, "Policy": policy])?.name == "MalformedPolicyDocumentException"
            )
        }
        #expect(
            bench.error(
                "PutKeyPolicy",
                ["KeyId": id, "Policy": .string(String(repeating: " ", count: 32 * 1024 + 1))]
            )?
            .name == "LimitExceededException"
        )
    }
}

struct CreateAliasTests {
    @Test func `a new alias names its key`() throws {
        var bench = try Bench([.make(.hmac256)])
        let key = try #require(bench.keys.keys.first)
        #expect(try bench.change("CreateAlias", ["AliasName": "alias/new", "TargetKeyId": .string(key.arn)]) == nil)
        #expect(try bench.keys.resolve("alias/new").key.id == key.id)
    }

    @Test func `an alias needs permission on itself, which a key policy cannot give, and on the key`() throws {
        let alice = "arn:aws:iam::111122223333:user/alice"
        let onKey: JSON = [
            "Version": "2012-10-17",
            "Statement": ["Effect": "Allow", "Principal": ["AWS": .string(alice)], "Action": "kms:*", "Resource": "*"],
        ]
        let key = try KeyRecord.make(.hmac256, policy: String(decoding: onKey.serialized(), as: UTF8.self))
        let input: JSON = ["AliasName": "alias/new", "TargetKeyId": .string(key.id)]
        var bench = try Bench([key], caller: Bench.user())
        #expect(
            bench.error("CreateAlias", input)
                == KMSError(
                    "AccessDeniedException",
                    "User: \(alice) is not authorized to perform: kms:CreateAlias on resource: "
                        + "arn:aws:kms:eu-central-1:111122223333:alias/new because no identity-based policy allows the "
                        + "kms:CreateAlias action"
                )
        )
        let onAlias: JSON = [
            "Version": "2012-10-17",
            "Statement": [
                "Effect": "Allow", "Action": "kms:CreateAlias",
                "Resource": "arn:aws:kms:eu-central-1:111122223333:alias/*",
            ],
        ]
        bench.caller = try Bench.user(policies: [onAlias])
        #expect(bench.error("CreateAlias", input) == nil)
        bench.keys = try KeyTable([.make(.hmac256)], account: Bench.account, region: Bench.region)
        #expect(bench.error("CreateAlias", input)?.message?.contains(":key/") == true)
    }
}
