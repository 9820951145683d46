// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Testing

/// Condition keys from the request to the decision, beyond those of `AuthorizationTests`.
struct ConditionKeyTests {
    private static let keyARN = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-000000000001"
    private static let digest = JSON.blob([UInt8](repeating: 3, count: 32))

    private static func policy(_ statements: JSON...) -> String {
        let policy: JSON = ["Version": "2012-10-17", "Statement": .array(statements)]
        return String(decoding: policy.serialized(), as: UTF8.self)
    }

    private static func statement(_ effect: String, _ condition: JSON? = nil, action: JSON = "kms:*") -> JSON {
        var statement = JSONObject([
            ("Effect", .string(effect)), ("Principal", "*"), ("Action", action), ("Resource", "*"),
        ])
        if let condition { statement["Condition"] = condition }
        return .object(statement)
    }

    private static func bench(_ spec: KeySpec, _ statements: JSON..., caller: Caller? = nil) throws -> Bench {
        let policy: JSON = ["Version": "2012-10-17", "Statement": .array(statements)]
        let key = try KeyRecord.make(
            spec,
            usage: spec == .rsa2048 ? .signVerify : nil,
            aliases: ["alias/k"],
            policy: String(decoding: policy.serialized(), as: UTF8.self)
        )
        return try Bench([key], caller: caller ?? Bench.user())
    }

    private static func caller(_ arn: String) -> Caller {
        Caller(accessKeyID: "AK", arn: arn, account: Bench.account, policies: [])
    }

    /// One request of each kind.
    private static let requests: [(spec: KeySpec, operation: String, input: JSON)] = [
        (
            .rsa2048, "Sign",
            ["KeyId": "alias/k", "Message": digest, "SigningAlgorithm": "RSASSA_PSS_SHA_256", "MessageType": "DIGEST"]
        ),
        (.hmac256, "GenerateMac", ["KeyId": "alias/k", "Message": digest, "MacAlgorithm": "HMAC_SHA_256"]),
        (.symmetricDefault, "Encrypt", ["KeyId": "alias/k", "Plaintext": "AAAA"]),
        (.symmetricDefault, "GenerateDataKey", ["KeyId": "alias/k", "NumberOfBytes": 32]),
        (.rsa2048, "DescribeKey", ["KeyId": "alias/k"]), (.rsa2048, "GetKeyPolicy", ["KeyId": .string(keyARN)]),
    ]

    /// What only the host could claim, and what this service has no notion of.
    @Test(arguments: [
        "aws:SourceIp", "aws:VpcSourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:ViaAWSService", "kms:ViaService",
        "aws:CalledVia", "aws:SourceArn", "aws:SourceAccount", "aws:UserAgent", "aws:Referer", "aws:userid",
        "aws:PrincipalOrgID", "aws:PrincipalTag/team", "aws:MultiFactorAuthPresent", "aws:TokenIssueTime",
        "kms:RecipientAttestation:ImageSha384", "kms:RecipientAttestation:PCR0", "kms:RecipientAttestation:PCR16",
        "kms:EncryptionContextKeys", "kms:EncryptionContext:a", "kms:GrantOperations",
    ])
    func `a key that nobody here can vouch for is absent from every request`(name: String) throws {
        let absent: JSON = ["Null": .object(JSONObject([(name, "true")]))]
        let different: JSON = ["StringNotEquals": .object(JSONObject([(name, "x")]))]
        for request in Self.requests {
            let allowed = try Self.bench(request.spec, Self.statement("Allow", absent))
            #expect(allowed.error(request.operation, request.input) == nil, "\(request.operation)")
            let denied = try Self.bench(request.spec, Self.statement("Allow"), Self.statement("Deny", different))
            #expect(denied.error(request.operation, request.input)?.name == "AccessDeniedException")
        }
    }

    static let callers: [(arn: String, keys: [(String, String)])] = [
        ("arn:aws:iam::111122223333:user/team/alice", [("aws:username", "alice"), ("aws:PrincipalType", "User")]),
        (
            "arn:aws:sts::111122223333:assumed-role/signer/session",
            [("aws:PrincipalArn", "arn:aws:iam::111122223333:role/signer"), ("aws:PrincipalType", "AssumedRole")]
        ),
        ("arn:aws:iam::111122223333:root", [("aws:PrincipalType", "Account")]),
    ]

    @Test(arguments: callers)
    func `who calls is known by its ARN`(_ example: (arn: String, keys: [(String, String)])) throws {
        for (name, value) in example.keys {
            for (value, isMet) in [(value, true), (value + "x", false)] {
                let condition: JSON = ["StringEquals": .object(JSONObject([(name, .string(value))]))]
                let bench = try Self.bench(
                    .rsa2048,
                    Self.statement("Allow", condition),
                    caller: Self.caller(example.arn)
                )
                #expect((bench.error("DescribeKey", ["KeyId": "alias/k"]) == nil) == isMet, "\(name) \(value)")
            }
        }
    }

    @Test func `a policy variable stands for the caller's name`() throws {
        let own: JSON = ["StringEquals": ["kms:EncryptionContext:owner": "${aws:username}"]]
        let input: (String) -> JSON = {
            ["KeyId": "alias/k", "Plaintext": "AAAA", "EncryptionContext": ["owner": .string($0)]]
        }
        let bench = try Self.bench(.symmetricDefault, Self.statement("Allow", own))
        #expect(bench.error("Encrypt", input("alice")) == nil)
        #expect(bench.error("Encrypt", input("bob"))?.name == "AccessDeniedException")
        #expect(bench.error("Encrypt", input("${aws:username}"))?.name == "AccessDeniedException")
    }

    @Test func `a resource with a variable counts though no policy has a condition`() throws {
        let statement: JSON = [
            "Effect": "Allow", "Action": "kms:DescribeKey",
            "Resource": "arn:aws:kms:*:${aws:PrincipalAccount}:key/*",
        ]
        var bench = try Bench([.make(.rsa2048, usage: .signVerify, aliases: ["alias/k"])])
        bench.caller = try Bench.user(policies: [["Version": "2012-10-17", "Statement": statement]])
        #expect(bench.error("DescribeKey", ["KeyId": "alias/k"]) == nil)
        bench.caller = try Bench.user(policies: [["Version": "2008-10-17", "Statement": statement]])
        #expect(bench.error("DescribeKey", ["KeyId": "alias/k"])?.name == "AccessDeniedException")
    }

    @Test func `the time is also known in seconds`() throws {
        let until: JSON = ["NumericLessThan": ["aws:EpochTime": "1764000001"]]
        var bench = try Self.bench(.rsa2048, Self.statement("Allow", until))
        #expect(bench.error("DescribeKey", ["KeyId": "alias/k"]) == nil)
        bench.circumstances.now = Timestamp(seconds: 1_764_000_001)
        #expect(bench.error("DescribeKey", ["KeyId": "alias/k"])?.name == "AccessDeniedException")
    }

    @Test func `Decrypt is gated by the recipient's PCRs, and a request without recipient is denied`() throws {
        guard case .asymmetric(let recipientKey) = try Materials.material(of: .rsa2048) else { return }
        let right: [Int: [UInt8]] = [0: .init(repeating: 0xAB, count: 48), 16: .init(repeating: 0x0F, count: 48)]
        func deny(_ key: String, _ byte: String) -> JSON {
            let value = JSON.string(String(repeating: byte, count: 48))
            return Self.statement(
                "Deny",
                ["StringNotEqualsIgnoreCase": .object(JSONObject([(key, value)]))],
                action: "kms:Decrypt"
            )
        }
        var bench = try Self.bench(
            .symmetricDefault,
            Self.statement("Allow"),
            deny("kms:RecipientAttestation:ImageSha384", "ab"),
            deny("kms:RecipientAttestation:PCR16", "0F")
        )
        let blob = try #require(
            try bench.answer("Encrypt", ["KeyId": "alias/k", "Plaintext": "AAAA"])["CiphertextBlob"]
        )
        let attested: JSON = [
            "CiphertextBlob": blob,
            "Recipient": ["KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "AAAA"],
        ]
        #expect(bench.error("Decrypt", ["CiphertextBlob": blob])?.name == "AccessDeniedException")
        bench.circumstances.recipient = Recipient(pcrs: right, publicKey: recipientKey.publicKey)
        #expect(bench.error("Decrypt", attested) == nil)
        for index in [0, 16] {
            for value in [[UInt8](repeating: 0, count: 48), nil] {
                var wrong = right
                wrong[index] = value
                bench.circumstances.recipient = Recipient(pcrs: wrong, publicKey: recipientKey.publicKey)
                #expect(bench.error("Decrypt", attested)?.name == "AccessDeniedException")
            }
        }
    }

    /// One request, two actions on two keys: the denial names the one that is missing.
    @Test(arguments: [("kms:ReEncryptFrom", 1), ("kms:ReEncryptTo", 2)])
    func `a denial names the action and the resource that it is about`(action: String, number: Int) throws {
        let policies = (1...2).map { key in
            Self.policy(
                Self.statement("Allow"),
                Self.statement("Deny", action: key == number ? .string(action) : "kms:TagResource")
            )
        }
        let bench = try Bench(
            [
                .make(.symmetricDefault, number: 1, aliases: ["alias/from"], policy: policies[0]),
                .make(.symmetricDefault, number: 2, aliases: ["alias/to"], policy: policies[1]),
            ],
            caller: Bench.user()
        )
        let blob = try #require(
            try bench.answer("Encrypt", ["KeyId": "alias/from", "Plaintext": "AAAA"])["CiphertextBlob"]
        )
        let denied = String(Self.keyARN.dropLast()) + String(number)
        #expect(
            bench.error("ReEncrypt", ["CiphertextBlob": blob, "DestinationKeyId": "alias/to"])?.message
                == "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \(action) on resource: "
                + "\(denied) with an explicit deny in a resource-based policy"
        )
    }
}
