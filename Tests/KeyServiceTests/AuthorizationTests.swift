// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Testing

/// A condition, an operation that meets it, and one that does not.
struct ConditionCase: Sendable, CustomTestStringConvertible {
    let condition: JSON
    let spec: KeySpec
    let operation: String
    let met: JSON
    /// Nil where nothing in a request can make the condition false.
    let notMet: JSON?

    init(_ condition: JSON, _ spec: KeySpec, _ operation: String, met: JSON, notMet: JSON?) {
        self.condition = condition
        self.spec = spec
        self.operation = operation
        self.met = met
        self.notMet = notMet
    }

    var testDescription: String { String(decoding: condition.serialized(), as: UTF8.self) }
}

struct AuthorizationTests {
    private static let alice = "arn:aws:iam::111122223333:user/alice"

    /// A key policy of one statement, for alice.
    private static func policy(_ condition: JSON? = nil, effect: String = "Allow", action: JSON = "kms:*") -> String {
        var statement = JSONObject([
            ("Effect", .string(effect)), ("Principal", ["AWS": .string(alice)]), ("Action", action), ("Resource", "*"),
        ])
        if let condition { statement["Condition"] = condition }
        let policy: JSON = ["Version": "2012-10-17", "Statement": [.object(statement)]]
        return String(decoding: policy.serialized(), as: UTF8.self)
    }

    private static func bench(_ spec: KeySpec, policy: String) throws -> Bench {
        try Bench(
            [
                .make(
                    spec,
                    usage: spec == .rsa2048 ? .signVerify : nil,
                    aliases: ["alias/k", "alias/second"],
                    policy: policy
                )
            ],
            caller: Bench.user()
        )
    }

    private static let keyARN = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-000000000001"
    private static let digest = JSON.blob([UInt8](repeating: 3, count: 32))

    private static func sign(
        _ keyID: String = "alias/k",
        algorithm: String = "RSASSA_PSS_SHA_256",
        type: String = "RAW"
    )
        -> JSON
    {
        [
            "KeyId": .string(keyID), "Message": digest, "MessageType": .string(type),
            "SigningAlgorithm": .string(algorithm),
        ]
    }

    private static func encrypt(_ context: JSON) -> JSON {
        ["KeyId": "alias/k", "Plaintext": "AAAA", "EncryptionContext": context]
    }

    static let conditions: [ConditionCase] = [
        .init(
            ["StringEquals": ["kms:SigningAlgorithm": "RSASSA_PSS_SHA_256"]],
            .rsa2048,
            "Sign",
            met: sign(),
            notMet: sign(algorithm: "RSASSA_PKCS1_V1_5_SHA_256")
        ),
        .init(
            ["StringEquals": ["kms:MessageType": "DIGEST"]],
            .rsa2048,
            "Sign",
            met: sign(type: "DIGEST"),
            notMet: sign()
        ),
        .init(
            ["StringEquals": ["kms:RequestAlias": "alias/k"]],
            .rsa2048,
            "Sign",
            met: sign(),
            notMet: sign("alias/second")
        ),
        .init(["Null": ["kms:RequestAlias": "true"]], .rsa2048, "Sign", met: sign(keyARN), notMet: sign()),
        .init(
            ["ForAnyValue:StringEquals": ["kms:ResourceAliases": "alias/second"]],
            .rsa2048,
            "Sign",
            met: sign(),
            notMet: nil
        ),
        .init(
            ["StringEquals": ["kms:MacAlgorithm": "HMAC_SHA_256"]],
            .hmac256,
            "GenerateMac",
            met: ["KeyId": "alias/k", "Message": digest, "MacAlgorithm": "HMAC_SHA_256"],
            notMet: ["KeyId": "alias/k", "Message": digest, "MacAlgorithm": "HMAC_SHA_512"]
        ),
        .init(
            ["StringEquals": ["kms:EncryptionContext:purpose": "tsk"]],
            .symmetricDefault,
            "Encrypt",
            met: encrypt(["Purpose": "tsk"]),
            notMet: encrypt(["purpose": "TSK"])
        ),
        .init(
            ["StringEquals": ["kms:EncryptionContext:purpose": "tsk"]],
            .symmetricDefault,
            "Encrypt",
            met: encrypt(["purpose": "tsk", "more": "x"]),
            notMet: encrypt([:])
        ),
        .init(
            ["ForAnyValue:StringEquals": ["kms:EncryptionContextKeys": "purpose"]],
            .symmetricDefault,
            "Encrypt",
            met: encrypt(["a": "1", "purpose": "x"]),
            notMet: encrypt(["a": "1"])
        ),
        .init(
            ["StringEquals": ["kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"]],
            .symmetricDefault,
            "GenerateDataKey",
            met: ["KeyId": "alias/k", "NumberOfBytes": 32],
            notMet: nil
        ),
        .init(
            ["StringEquals": ["kms:KeySpec": "RSA_2048"]],
            .rsa2048,
            "DescribeKey",
            met: ["KeyId": "alias/k"],
            notMet: nil
        ),
        .init(
            ["StringEquals": ["kms:KeyUsage": "SIGN_VERIFY"]],
            .rsa2048,
            "DescribeKey",
            met: ["KeyId": "alias/k"],
            notMet: nil
        ),
        .init(
            ["StringEquals": ["kms:KeyOrigin": "AWS_KMS"]],
            .rsa2048,
            "DescribeKey",
            met: ["KeyId": "alias/k"],
            notMet: nil
        ),
        .init(
            ["StringEquals": ["kms:CallerAccount": "111122223333", "aws:PrincipalAccount": "111122223333"]],
            .rsa2048,
            "DescribeKey",
            met: ["KeyId": "alias/k"],
            notMet: nil
        ),
        .init(
            ["StringEquals": ["aws:PrincipalArn": .string(alice)]],
            .rsa2048,
            "DescribeKey",
            met: ["KeyId": "alias/k"],
            notMet: nil
        ),
    ]

    @Test(arguments: conditions)
    func `a condition on the request is met by the right one alone`(testCase: ConditionCase) throws {
        let bench = try Self.bench(testCase.spec, policy: Self.policy(testCase.condition))
        _ = try bench.answer(testCase.operation, testCase.met)
        guard let notMet = testCase.notMet else { return }
        #expect(bench.error(testCase.operation, notMet)?.name == "AccessDeniedException")
    }

    @Test(arguments: [
        "kms:SigningAlgorithm", "kms:MessageType", "kms:RequestAlias", "kms:ResourceAliases", "kms:MacAlgorithm",
        "kms:EncryptionContext:purpose", "kms:EncryptionContextKeys", "kms:EncryptionAlgorithm", "kms:KeySpec",
        "kms:KeyUsage", "kms:KeyOrigin", "kms:CallerAccount", "aws:PrincipalAccount", "aws:PrincipalArn",
        "kms:RecipientAttestation:ImageSha384", "kms:RecipientAttestation:PCR16", "aws:SourceIp", "kms:ViaService",
    ])
    func `a condition with another value is never met`(name: String) throws {
        for (spec, operation, input) in [
            (KeySpec.rsa2048, "Sign", Self.sign()), (.symmetricDefault, "Encrypt", Self.encrypt(["purpose": "tsk"])),
            (.hmac256, "GenerateMac", ["KeyId": "alias/k", "Message": Self.digest, "MacAlgorithm": "HMAC_SHA_256"]),
        ] {
            let condition: JSON = ["ForAnyValue:StringEquals": .object(JSONObject([(name, "something else")]))]
            let bench = try Self.bench(spec, policy: Self.policy(condition))
            #expect(bench.error(operation, input)?.name == "AccessDeniedException")
        }
    }

    @Test func `secure transport and time are what the service itself knows`() throws {
        var bench = try Self.bench(
            .rsa2048,
            policy: Self.policy([
                "Bool": ["aws:SecureTransport": "true"], "DateGreaterThan": ["aws:CurrentTime": "2025-11-24T00:00:00Z"],
            ])
        )
        #expect(bench.error("DescribeKey", ["KeyId": "alias/k"])?.name == "AccessDeniedException")
        bench.circumstances.isSecureTransport = true
        _ = try bench.answer("DescribeKey", ["KeyId": "alias/k"])
        bench.circumstances.now = Timestamp(seconds: 1_700_000_000)
        #expect(bench.error("DescribeKey", ["KeyId": "alias/k"])?.name == "AccessDeniedException")
    }

    @Test func `PCRs of a recipient are lower-case hex under their numbers, PCR0 under its other name too`() throws {
        guard case .asymmetric(let key) = try Materials.material(of: .rsa2048) else { return }
        var bench = try Self.bench(
            .symmetricDefault,
            policy: Self.policy([
                "StringEquals": [
                    "kms:RecipientAttestation:ImageSha384": .string(String(repeating: "ab", count: 48)),
                    "kms:RecipientAttestation:PCR0": .string(String(repeating: "ab", count: 48)),
                    "kms:RecipientAttestation:PCR16": .string(String(repeating: "0f", count: 48)),
                ]
            ])
        )
        let input: JSON = [
            "KeyId": "alias/k", "NumberOfBytes": 32,
            "Recipient": ["KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "AAAA"],
        ]
        let right: [Int: [UInt8]] = [0: .init(repeating: 0xAB, count: 48), 16: .init(repeating: 0x0F, count: 48)]
        bench.circumstances.recipient = Recipient(pcrs: right, publicKey: key.publicKey)
        _ = try bench.answer("GenerateDataKey", input)
        for (index, value) in [
            (0, [UInt8](repeating: 0, count: 48)), (16, [UInt8](repeating: 0xF0, count: 48)), (16, nil),
        ] {
            var wrong = right
            wrong[index] = value
            bench.circumstances.recipient = Recipient(pcrs: wrong, publicKey: key.publicKey)
            #expect(bench.error("GenerateDataKey", input)?.name == "AccessDeniedException")
        }
    }

    @Test(arguments: [
        (policy(action: "kms:DescribeKey"), "because no resource-based policy allows the kms:Sign action"),
        (policy(effect: "Deny"), "with an explicit deny in a resource-based policy"),
        (
            KeyService.defaultKeyPolicy(account: Bench.account),
            "because no identity-based policy allows the kms:Sign action"
        ),
    ])
    func `a denial says which policies are to blame`(policy: String, ending: String) throws {
        let bench = try Self.bench(.rsa2048, policy: policy)
        #expect(
            bench.error("Sign", Self.sign())
                == KMSError(
                    "AccessDeniedException",
                    "User: \(Self.alice) is not authorized to perform: kms:Sign on resource: \(Self.keyARN) \(ending)"
                )
        )
    }

    @Test func `an IAM policy counts where the key policy lets the account in, and an explicit deny wins`() throws {
        let statement: JSON = ["Effect": "Allow", "Action": "kms:Sign", "Resource": .string(Self.keyARN)]
        var bench = try Self.bench(.rsa2048, policy: KeyService.defaultKeyPolicy(account: Bench.account))
        bench.caller = try Bench.user(policies: [["Version": "2012-10-17", "Statement": statement]])
        _ = try bench.answer("Sign", Self.sign())
        let deny: JSON = ["Effect": "Deny", "Action": "kms:*", "Resource": "*"]
        bench.caller = try Bench.user(policies: [["Version": "2012-10-17", "Statement": [statement, deny]]])
        #expect(
            bench.error("Sign", Self.sign())?.message?.hasSuffix("with an explicit deny in an identity-based policy")
                == true
        )
    }

    @Test(arguments: ["ListAliases", "ListKeys", "CreateKey"])
    func `what has no key is for the root and for those with an IAM policy`(operation: String) throws {
        var bench = try Self.bench(.rsa2048, policy: Self.policy())
        #expect(
            bench.error(operation, [:])
                == KMSError(
                    "AccessDeniedException",
                    "User: \(Self.alice) is not authorized to perform: kms:\(operation) on resource: * "
                        + "because no identity-based policy allows the kms:\(operation) action"
                )
        )
        bench.caller = try Bench.user(policies: [
            [
                "Version": "2012-10-17",
                "Statement": ["Effect": "Allow", "Action": .string("kms:\(operation)"), "Resource": "*"],
            ]
        ])
        // Alice makes keys that she does not manage: nothing lets her put the next policy.
        #expect(bench.error(operation, ["BypassPolicyLockoutSafetyCheck": true]) == nil)
        bench.caller = Bench.root
        #expect(bench.error(operation, [:]) == nil)
    }

    @Test func `the policy is asked before the state, and the key is found before the policy`() throws {
        let key = try KeyRecord.make(.rsa2048, usage: .signVerify, state: .disabled, aliases: ["alias/k"])
        let bench = try Bench([key], caller: Bench.user())
        #expect(bench.error("Sign", Self.sign())?.name == "AccessDeniedException")
        #expect(bench.error("Sign", Self.sign("alias/none"))?.name == "NotFoundException")
        #expect(bench.error("Sign", ["KeyId": "alias/none"])?.name == "ValidationException")
    }
}
