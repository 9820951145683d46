// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import NitroAttestation
import SecurityModule
import TestSupport
import Testing

/// A key policy that lets alice decrypt under a condition, and lets the root do the rest.
private func policy(_ condition: JSON, effect: String = "Allow") -> JSON {
    let policy: JSON = [
        "Version": "2012-10-17",
        "Statement": [
            [
                "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::111122223333:root"], "Action": "kms:*",
                "Resource": "*",
            ],
            [
                "Effect": .string(effect),
                "Principal": effect == "Deny" ? "*" : ["AWS": .string(TestService.aliceARN)],
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*", "Condition": condition,
            ],
        ],
    ]
    return .string(String(decoding: policy.serialized(), as: UTF8.self))
}

private func require(pcr0: [UInt8], pcr16: [UInt8]) -> JSON {
    [
        "StringEqualsIgnoreCase": [
            "kms:RecipientAttestation:ImageSha384": .string(Hex.encode(pcr0).uppercased()),
            "kms:RecipientAttestation:PCR16": .string(Hex.encode(pcr16)),
        ]
    ]
}

private let zeros = [UInt8](repeating: 0, count: 48)

struct RecipientFlowTests {
    @Test func `an attested recipient gets what openssl cms opens with its key, and nothing in clear`() async throws {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock)
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            try await service.makeKey([
                "Policy": policy(require(pcr0: enclave.pcr0, pcr16: enclave.pcr16))
            ])
            let context: JSON = ["keybroker:purpose": "tsk"]
            let dataKey = try await service.output(
                "GenerateDataKey",
                [
                    "KeyId": "alias/k", "NumberOfBytes": 32, "EncryptionContext": context,
                    "Recipient": TestEnclave.recipient(try enclave.document()),
                ],
                as: service.alice
            )
            let decrypted = try await service.output(
                "Decrypt",
                [
                    "CiphertextBlob": try #require(dataKey["CiphertextBlob"]), "EncryptionContext": context,
                    "Recipient": TestEnclave.recipient(try enclave.document()),
                ],
                as: service.alice
            )
            // The root needs no attestation under this policy, and shows what the secret is.
            let plain = try await service.output(
                "Decrypt",
                ["CiphertextBlob": try #require(dataKey["CiphertextBlob"]), "EncryptionContext": context]
            )
            let secret = try #require(plain.blob("Plaintext"))
            #expect(secret.count == 32)
            for output in [dataKey, decrypted] {
                #expect(output["Plaintext"] == nil && output["KeyMaterialId"] == nil)
                let envelope = try #require(output.blob("CiphertextForRecipient"))
                // AWS's own length for 32 bytes under RSA-2048.
                #expect(envelope.count == 493)
                #expect(try await enclave.open(envelope) == secret)
            }
            #expect(decrypted["KeyId"] == dataKey["KeyId"])
        }
    }

    @Test func `a policy on image and configuration lets the right ones in and nobody else`() async throws {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock)
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            let arn = try await service.makeKey()
            let blob = try #require(
                try await service.output("Encrypt", ["KeyId": "alias/k", "Plaintext": "AAAA"])["CiphertextBlob"]
            )
            let denied =
                "User: \(TestService.aliceARN) is not authorized to perform: kms:Decrypt on resource: \(arn) "
                + "because no identity-based policy allows the kms:Decrypt action"

            func decrypt(under condition: JSON, recipient: JSON?) async throws -> TestService.Response {
                _ = try await service.output("PutKeyPolicy", ["KeyId": .string(arn), "Policy": policy(condition)])
                var input = JSONObject([("CiphertextBlob", blob)])
                input["Recipient"] = recipient
                return try await service.call("Decrypt", .object(input), as: service.alice)
            }

            let attested = TestEnclave.recipient(try enclave.document())
            let right = require(pcr0: enclave.pcr0, pcr16: enclave.pcr16)
            let accepted = try await decrypt(under: right, recipient: attested)
            #expect(accepted.status == 200 && accepted.json?["CiphertextForRecipient"] != nil)

            for (condition, recipient) in [
                (require(pcr0: enclave.pcr16, pcr16: enclave.pcr16), attested),
                (require(pcr0: enclave.pcr0, pcr16: enclave.pcr0), attested), (right, nil),
            ] {
                let response = try await decrypt(under: condition, recipient: recipient)
                #expect(response.status == 400)
                #expect(response.errorName == "AccessDeniedException")
                #expect(response.json?["Message"]?.string == denied)
            }
            // What the developer looks for is in the log: who, which key, and what the enclave measured.
            #expect(
                service.log.lines.contains { line in
                    line.hasPrefix("Decrypt ") && line.contains("caller=\(TestService.aliceARN)")
                        && line.contains("outcome=AccessDeniedException")
                        && line.contains("recipient-pcr0=\(Hex.encode(enclave.pcr0))")
                }
            )
        }
    }

    @Test func `a deny on the image stops even the root, with a wrong document and with none`() async throws {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock)
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            let arn = try await service.makeKey()
            let attested = TestEnclave.recipient(try enclave.document())
            func generate(unless image: [UInt8], recipient: JSON?) async throws -> TestService.Response {
                let condition: JSON = [
                    "StringNotEqualsIgnoreCase": [
                        "kms:RecipientAttestation:ImageSha384": .string(Hex.encode(image))
                    ]
                ]
                _ = try await service.output(
                    "PutKeyPolicy",
                    ["KeyId": .string(arn), "Policy": policy(condition, effect: "Deny")]
                )
                var input = JSONObject([("KeyId", "alias/k"), ("NumberOfBytes", 32)])
                input["Recipient"] = recipient
                return try await service.call("GenerateDataKey", .object(input))
            }
            #expect(try await generate(unless: enclave.pcr0, recipient: attested).status == 200)
            for (image, recipient) in [(enclave.pcr16, attested), (enclave.pcr0, nil)] {
                let response = try await generate(unless: image, recipient: recipient)
                #expect(response.errorName == "AccessDeniedException")
                #expect(response.errorMessage?.hasSuffix("with an explicit deny in a resource-based policy") == true)
            }
        }
    }

    @Test func `an enclave in debug mode attests zeros, which no policy on an image takes`() async throws {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock, image: zeros)
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            let arn = try await service.makeKey([
                "Policy": policy(require(pcr0: TestEnclave.image, pcr16: enclave.pcr16))
            ])
            let input: JSON = [
                "KeyId": "alias/k", "NumberOfBytes": 32, "Recipient": TestEnclave.recipient(try enclave.document()),
            ]
            #expect(
                try await service.call("GenerateDataKey", input, as: service.alice).errorName == "AccessDeniedException"
            )
            _ = try await service.output(
                "PutKeyPolicy",
                ["KeyId": .string(arn), "Policy": policy(require(pcr0: zeros, pcr16: enclave.pcr16))]
            )
            #expect(try await service.call("GenerateDataKey", input, as: service.alice).status == 200)
        }
    }
}

struct RecipientRefusalTests {
    /// The error of a `GenerateDataKey` by the root, whom no policy hinders.
    private static func refusal(_ service: TestService, _ recipient: JSON) async throws -> String? {
        let response = try await service.call(
            "GenerateDataKey",
            ["KeyId": "alias/k", "NumberOfBytes": 32, "Recipient": recipient]
        )
        #expect(response.json?["Plaintext"] == nil)
        guard response.status != 200 else { return nil }
        #expect(response.errorName == "ValidationException")
        return response.errorMessage
    }

    private static func refusal(_ service: TestService, document: [UInt8]) async throws -> String? {
        try await refusal(service, TestEnclave.recipient(document))
    }

    @Test func `a document with any byte changed is not valid`() async throws {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock)
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            try await service.makeKey()
            let document = try enclave.document()
            #expect(try await Self.refusal(service, document: document) == nil)
            for index in stride(from: 0, to: document.count, by: 97) {
                var changed = document
                changed[index] ^= 0x10
                #expect(try await Self.refusal(service, document: changed) != nil, "byte \(index)")
            }
            #expect(try await Self.refusal(service, document: Array(document.dropLast())) != nil)
            #expect(try await Self.refusal(service, document: document + [0]) != nil)
            #expect(try await Self.refusal(service, document: document) == nil)
        }
    }

    @Test func `a document under another root is not valid, and without a root none is`() async throws {
        let clock = TestClock()
        let (enclave, stranger) = (try await TestEnclave(clock: clock), try await TestEnclave(clock: clock))
        let document = try stranger.document()
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            try await service.makeKey()
            #expect(
                try await Self.refusal(service, document: document)
                    == "The attestation document is not valid: untrusted-root."
            )
        }
        try await TestService.with(roots: nil, clock: clock) { service in
            try await service.makeKey()
            #expect(try await Self.refusal(service, document: document) != nil)
        }
    }

    @Test func `a document is good for five minutes`() async throws {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock)
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            try await service.makeKey()
            let document = try enclave.document()
            clock.advance(milliseconds: 5 * 60 * 1000)
            #expect(try await Self.refusal(service, document: document) == nil)
            clock.advance(milliseconds: 1)
            #expect(
                try await Self.refusal(service, document: document)
                    == "The attestation document is not valid: document-too-old."
            )
        }
    }

    @Test func `a document without an RSA key of 2048 bits or more is no recipient`() async throws {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock)
        let elliptic = try PrivateKey.generate(.ec(.p256)).publicKey.spki
        let short = try await Tool.run(
            "openssl",
            ["pkey", "-pubout", "-outform", "DER"],
            input: try await TestEnclave.makeRSAKey(bits: 1024)
        )
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            try await service.makeKey()
            for publicKey in [nil, [], [1, 2, 3], elliptic, short.output] {
                let document = try enclave.module.attest(userData: nil, nonce: nil, publicKey: publicKey)
                #expect(try await Self.refusal(service, document: document) != nil)
            }
        }
    }

    @Test func `half a recipient is refused, not taken for none`() async throws {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock)
        let document = JSON.blob(try enclave.document())
        try await TestService.with(roots: enclave.roots, clock: clock) { service in
            try await service.makeKey()
            for recipient: JSON in [
                [:], ["AttestationDocument": document], ["KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"],
                ["KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_1", "AttestationDocument": document],
                ["KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": ""],
            ] {
                #expect(try await Self.refusal(service, recipient) != nil)
            }
        }
    }
}

/// Documents that AWS signed, each at its own time.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct RealDocumentTests {
    @Test(
        arguments: [
            ("20210324-anjunasecurity-gonitroattesta-prod-b9db8022", 1_616_602_241_734, "672cd3c91b7ac756"),
            ("20250106-yawn-nitroattest-prod-19b71700", 1_736_179_625_472, "8bb159f202bb95d6"),
            ("20240124-anjunasecurity-gonitroattesta-debug-8d6106b4", 1_706_120_065_635, "0000000000000000"),
        ] as [(String, Int64, String)]
    )
    func `a real document with an RSA key is a recipient under AWS's root`(
        name: String,
        time: Int64,
        pcr0: String
    ) async throws {
        let document = try SharedData.bytes("attestation/real/\(name).cbor")
        let spki = try #require(try UnverifiedAttestation(parsing: document).claims.publicKey)
        let clock = TestClock(Timestamp(milliseconds: time + 1000))
        try await TestService.with(roots: .aws, clock: clock) { service in
            let condition: JSON = ["StringLike": ["kms:RecipientAttestation:ImageSha384": .string(pcr0 + "*")]]
            try await service.makeKey(["Policy": policy(condition)])
            let input: JSON = ["KeyId": "alias/k", "NumberOfBytes": 32, "Recipient": TestEnclave.recipient(document)]
            let output = try await service.output("GenerateDataKey", input, as: service.alice)
            // Addressed by SHA-256 of the key in the document, as real KMS does.
            let envelope = Hex.encode(try #require(output.blob("CiphertextForRecipient")))
            #expect(envelope.contains("8020" + Hex.encode(Hash.digest(.sha256, spki))))
            clock.advance(milliseconds: 86_400_000)
            #expect(try await service.call("GenerateDataKey", input).errorName == "ValidationException")
        }
    }
}
