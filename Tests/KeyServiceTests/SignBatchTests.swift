// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Testing

struct SignBatchTests {
    private static let messages = (0..<20).map { [UInt8]("event \($0)".utf8) }

    private static func entries(_ testCase: SigningCase) throws -> [[UInt8]] {
        guard testCase.messageType == .digest else { return messages }
        let hash = try #require(HashAlgorithm(rawValue: testCase.algorithm.hashName))
        return messages.map { Hash.digest(hash, $0) }
    }

    private static func input(_ messages: [[UInt8]], algorithm: String = "ED25519_SHA_512", type: String = "RAW")
        -> JSON
    {
        [
            "KeyId": "alias/k", "SigningAlgorithm": .string(algorithm), "MessageType": .string(type),
            "Messages": .array(messages.map { .blob($0) }),
        ]
    }

    private static func batch(_ bench: Bench, _ input: JSON) throws(KMSError) -> JSONObject {
        try bench.service.signBatch(
            input.object ?? JSONObject(),
            caller: bench.caller,
            keys: bench.keys,
            circumstances: bench.circumstances
        )
    }

    private static func error(_ bench: Bench, _ input: JSON) -> KMSError? {
        do throws(KMSError) {
            _ = try batch(bench, input)
            return nil
        } catch {
            return error
        }
    }

    private static func bench(_ spec: KeySpec = .eccNISTEdwards25519, state: KeyState = .enabled) throws -> Bench {
        try Bench([.make(spec, usage: .signVerify, state: state, aliases: ["alias/k"])])
    }

    @Test(arguments: SigningCase.all)
    func `Verify accepts each signature for the message in its place, and for no other`(testCase: SigningCase) throws {
        let bench = try Self.bench(testCase.spec)
        let entries = try Self.entries(testCase)
        let output = try Self.batch(
            bench,
            Self.input(entries, algorithm: testCase.algorithm.rawValue, type: testCase.messageType.rawValue)
        )
        #expect(output["KeyId"]?.string == bench.keys.keys[0].arn)
        #expect(output["SigningAlgorithm"]?.string == testCase.algorithm.rawValue)
        let signatures = try #require(output["Signatures"]?.array)
        #expect(signatures.count == entries.count)
        for (index, signature) in signatures.enumerated() {
            func verify(_ message: [UInt8]) -> KMSError? {
                bench.error(
                    "Verify",
                    [
                        "KeyId": "alias/k", "Message": .blob(message), "Signature": signature,
                        "MessageType": .string(testCase.messageType.rawValue),
                        "SigningAlgorithm": .string(testCase.algorithm.rawValue),
                    ]
                )
            }
            #expect(verify(entries[index]) == nil)
            #expect(verify(entries[(index + 1) % entries.count])?.name == "KMSInvalidSignatureException")
        }
    }

    @Test(arguments: [
        (KeySpec.eccNISTEdwards25519, "ED25519_SHA_512"), (.rsa2048, "RSASSA_PKCS1_V1_5_SHA_256"),
    ])
    func `signatures that are not random are those of Sign`(spec: KeySpec, algorithm: String) throws {
        let bench = try Self.bench(spec)
        let output = try Self.batch(bench, Self.input(Self.messages, algorithm: algorithm))
        let single = try Self.messages.map { message in
            try bench.answer(
                "Sign",
                ["KeyId": "alias/k", "Message": .blob(message), "SigningAlgorithm": .string(algorithm)]
            )["Signature"]
        }
        #expect(output["Signatures"]?.array?.map(Optional.some) == single)
    }

    @Test func `a thousand messages are signed, none and one more are refused`() throws {
        let bench = try Self.bench()
        let thousand = [[UInt8]](repeating: [1], count: 1000)
        #expect(try Self.batch(bench, Self.input(thousand))["Signatures"]?.array?.count == 1000)
        #expect(Self.error(bench, Self.input(thousand + [[1]]))?.name == "ValidationException")
        #expect(Self.error(bench, Self.input([]))?.name == "ValidationException")
    }

    /// A good batch in which one entry is not as it must be, first, in the middle or last.
    @Test(arguments: [0, 7, 19])
    func `one bad entry refuses the whole batch, as Sign refuses it alone`(place: Int) throws {
        let ed25519 = try Self.bench()
        var messages = Self.messages
        messages[place] = []
        #expect(Self.error(ed25519, Self.input(messages))?.name == "ValidationException")
        messages[place] = [UInt8](repeating: 0, count: 4097)
        #expect(Self.error(ed25519, Self.input(messages))?.name == "ValidationException")

        var entries = Self.messages.map { JSON.blob($0) }
        entries[place] = "not base64"
        func input(_ entries: [JSON]) -> JSON {
            ["KeyId": "alias/k", "SigningAlgorithm": "ED25519_SHA_512", "Messages": .array(entries)]
        }
        #expect(Self.error(ed25519, input(entries))?.name == "SerializationException")
        entries[place] = 7
        #expect(Self.error(ed25519, input(entries))?.name == "SerializationException")

        let p256 = try Self.bench(.eccNISTP256)
        var digests = [[UInt8]](repeating: [UInt8](repeating: 1, count: 32), count: 20)
        digests[place] = [UInt8](repeating: 1, count: 31)
        let refused = Self.error(p256, Self.input(digests, algorithm: "ECDSA_SHA_256", type: "DIGEST"))
        let alone = p256.error(
            "Sign",
            [
                "KeyId": "alias/k", "Message": .blob(digests[place]), "SigningAlgorithm": "ECDSA_SHA_256",
                "MessageType": "DIGEST",
            ]
        )
        #expect(refused == alone)
        #expect(refused != nil)
    }

    @Test func `the policy is asked for kms Sign with the condition keys of Sign`() throws {
        func bench(_ action: JSON, _ condition: JSON) throws -> Bench {
            let policy: JSON = [
                "Version": "2012-10-17",
                "Statement": [
                    [
                        "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::111122223333:user/alice"],
                        "Action": action, "Resource": "*", "Condition": condition,
                    ]
                ],
            ]
            let text = String(decoding: policy.serialized(), as: UTF8.self)
            return try Bench(
                [.make(.eccNISTEdwards25519, aliases: ["alias/k"], policy: text)],
                caller: Bench.user()
            )
        }
        let met: JSON = ["StringEquals": ["kms:SigningAlgorithm": "ED25519_SHA_512", "kms:MessageType": "RAW"]]
        let notMet: JSON = ["StringEquals": ["kms:MessageType": "DIGEST"]]
        let input = Self.input(Self.messages)
        #expect(Self.error(try bench("kms:Sign", met), input) == nil)
        let denied = Self.error(try bench("kms:Sign", notMet), input)
        #expect(denied?.name == "AccessDeniedException")
        #expect(denied?.message?.contains("kms:Sign") == true)
        #expect(Self.error(try bench("kms:Verify", [:]), input)?.name == "AccessDeniedException")
        #expect(Self.error(try bench("keybroker:SignBatch", [:]), input)?.name == "AccessDeniedException")
    }

    @Test func `a disabled key signs no batch`() throws {
        let bench = try Self.bench(state: .disabled)
        #expect(Self.error(bench, Self.input(Self.messages))?.name == "DisabledException")
    }

    @Test func `a dry run signs nothing`() throws {
        let bench = try Self.bench()
        var input = try #require(Self.input(Self.messages).object)
        input["DryRun"] = true
        #expect(Self.error(bench, .object(input))?.name == "DryRunOperationException")
    }
}
