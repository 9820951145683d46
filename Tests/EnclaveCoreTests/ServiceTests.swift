// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import Foundation
import KMSProtocol
import KeyService
import Keyring
import NIOCore
import NIOHTTP1
import NIOPosix
import NitroAttestation
import SecurityModule
import SigV4
import SoftwareModule
import Synchronization
import TestSupport
import Testing
import Transport

/// One enclave for all of it: nothing here changes it.
/// One at a time: they share a connection.
@Suite(.serialized) struct ServiceTests {
    private static let shared = Task { () -> Rig in
        let rig = try await Rig()
        try await rig.waitForState("unlocked")
        return rig
    }

    private var rig: Rig { get async throws { try await Self.shared.value } }

    // MARK: KMS operations

    @Test(arguments: [
        ("alias/ed", "ED25519_SHA_512", SignatureScheme.ed25519, 0),
        ("alias/p256", "ECDSA_SHA_256", .ecdsa(.sha256), 1),
        ("alias/rsa", "RSASSA_PSS_SHA_256", .rsaPSS(.sha256), 2),
        ("alias/rsa", "RSASSA_PKCS1_V1_5_SHA_512", .rsaPKCS1(.sha512), 2),
    ])
    func `Sign and Verify agree with the public key`(
        alias: String,
        algorithm: String,
        scheme: SignatureScheme,
        index: Int
    ) async throws {
        let rig = try await rig
        let message = Array("record".utf8)
        let request: [(String, JSON)] = [
            ("KeyId", .string(alias)), ("Message", .blob(message)), ("SigningAlgorithm", .string(algorithm)),
        ]
        let answer = try await rig.call("TrentService.Sign", .object(JSONObject(request)))
        let signature = try #require(answer.output.blob("Signature"))
        #expect(answer.output["KeyId"]?.string == rig.workshop.contents.keys[index].arn)
        let key = try PublicKey(spki: try #require(rig.workshop.contents.keys[index].spki))
        #expect(key.verify(signature, message: message, scheme: scheme))
        let verified = try await rig.call(
            "TrentService.Verify",
            .object(JSONObject(request + [("Signature", .blob(signature))]))
        )
        #expect(verified.output["SignatureValid"]?.bool == true)
        let refused = try await rig.call(
            "TrentService.Verify",
            .object(JSONObject(request + [("Signature", .blob(signature.reversed()))]))
        )
        #expect(refused.error?.name == "KMSInvalidSignatureException")
    }

    @Test func `SignBatch signs every message with the key that it names`() async throws {
        let rig = try await rig
        let messages = (0..<1000).map { [UInt8]("record \($0)".utf8) }
        let answer = try await rig.call(
            "KeyBroker.SignBatch",
            [
                "KeyId": "alias/ed", "SigningAlgorithm": "ED25519_SHA_512",
                "Messages": .array(messages.map { .blob($0) }),
            ]
        )
        let signatures = try #require(answer.output["Signatures"]?.array).compactMap(\.string)
        #expect(signatures.count == 1000)
        let key = try PublicKey(spki: try #require(rig.workshop.contents.keys[0].spki))
        for index in [0, 1, 500, 999] {
            let signature = try Base64.decode(signatures[index])
            #expect(key.verify(signature, message: messages[index], scheme: .ed25519))
        }
    }

    @Test func `only SignBatch may have a body longer than 256 KiB, and that not beyond 512`() async throws {
        let rig = try await rig
        func answer(_ target: String, kilobytes: Int) async throws -> UInt {
            let body = [UInt8](repeating: 0x20, count: kilobytes * 1024 - 2) + Array("{}".utf8)
            return try await rig.send(try rig.signed(target, body)).status.code
        }
        #expect(try await answer("KeyBroker.SignBatch", kilobytes: 512) == 400)
        #expect(try await answer("KeyBroker.SignBatch", kilobytes: 513) == 413)
        #expect(try await answer("TrentService.Sign", kilobytes: 257) == 413)
    }

    @Test func `GenerateMac and VerifyMac agree with OpenSSL's HMAC`() async throws {
        let rig = try await rig
        let message = Array("record".utf8)
        let request: [(String, JSON)] = [
            ("KeyId", "alias/mac"), ("Message", .blob(message)), ("MacAlgorithm", "HMAC_SHA_256"),
        ]
        let mac = try #require(
            try await rig.call("TrentService.GenerateMac", .object(JSONObject(request))).output.blob("Mac")
        )
        guard case .symmetric(let secret) = rig.workshop.contents.keys[3].material else { return }
        #expect(mac == HMAC.authenticate(.sha256, key: secret.bytes, message: message))
        let verified = try await rig.call(
            "TrentService.VerifyMac",
            .object(JSONObject(request + [("Mac", .blob(mac))]))
        )
        #expect(verified.output["MacValid"]?.bool == true)
    }

    @Test func `GetPublicKey, DescribeKey and ListAliases answer`() async throws {
        let rig = try await rig
        let key = try await rig.call("TrentService.GetPublicKey", ["KeyId": "alias/p256"])
        #expect(key.output.blob("PublicKey") == rig.workshop.contents.keys[1].spki)
        let described = try await rig.call("TrentService.DescribeKey", ["KeyId": "alias/rsa"])
        #expect(described.output["KeyMetadata"]?.object?["KeySpec"]?.string == "RSA_2048")
        let aliases = try await rig.call("TrentService.ListAliases", [:])
        #expect(aliases.output["Aliases"]?.array?.count == 4)
    }

    @Test func `every response has a request id, and errors their name in header and body`() async throws {
        let rig = try await rig
        let first = try await rig.call("TrentService.DescribeKey", ["KeyId": "alias/none"])
        let second = try await rig.call("TrentService.DescribeKey", ["KeyId": "alias/ed"])
        let ids = [first, second].compactMap { $0.headers.first(name: "x-amzn-RequestId") }
        #expect(Set(ids).count == 2)
        #expect(ids.allSatisfy { $0.utf8.count == 36 })
        #expect(first.headers.first(name: "x-amzn-ErrorType") == "NotFoundException")
        #expect(first.error?.name == "NotFoundException")
        #expect(first.status == 400)
        #expect(second.headers.first(name: "Content-Type") == "application/x-amz-json-1.1")
    }

    @Test(arguments: [
        "TrentService.CreateGrant", "TrentService.Nonsense", "KeyBroker.Nonsense", "KeyBroker.ReEncrypt",
        "Other.Encrypt",
        "Other.Sign", "Sign", "",
    ])
    func `an operation that is not offered is unknown`(target: String) async throws {
        #expect(try await rig.call(target, [:]).error?.name == "UnknownOperationException")
    }

    @Test(arguments: ["Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt"])
    func `what KMS encrypts by is refused by name, and says what does so here`(operation: String) async throws {
        let answer = try await rig.call("TrentService.\(operation)", [:])
        #expect(answer.status == 400)
        #expect(answer.error?.name == "UnsupportedOperationException")
        #expect(answer.error?.message?.hasPrefix("\(operation) of KMS is not offered") == true)
        #expect(answer.error?.message?.contains("KeyBroker.Encrypt") == true)
    }

    @Test func `a secret does not leave over plain HTTP`() async throws {
        let answer = try await rig.call("TrentService.GenerateRandom", ["NumberOfBytes": 32])
        #expect(answer.error?.name == "UnsupportedOperationException")
        #expect(answer.error?.message?.contains("only over TLS that ends inside") == true)
        #expect(answer.output["Plaintext"] == nil)
    }

    // MARK: Authentication

    @Test func `a request without authentication is refused`() async throws {
        let request = HTTPRequest(
            method: .POST,
            target: "/",
            headers: ["X-Amz-Target": "TrentService.ListAliases"]
        )
        let answer = try await rig.answer(try await rig.send(request))
        #expect(answer.error?.name == "MissingAuthenticationTokenException")
    }

    static let signings: [(String, Rig.Signing)] = [
        ("InvalidSignatureException", Rig.Signing(secret: Array("wrong".utf8))),
        ("UnrecognizedClientException", Rig.Signing(accessKeyID: "KBAKAAAAAAAAAAAAAAAA")),
        ("InvalidSignatureException", Rig.Signing(skew: -360)),
        ("InvalidSignatureException", Rig.Signing(skew: 360)),
    ]

    @Test(arguments: signings.indices)
    func `a wrong secret, key or time is refused`(index: Int) async throws {
        let (name, signing) = Self.signings[index]
        let answer = try await rig.call("TrentService.ListAliases", [:], signing)
        #expect(answer.error?.name == name)
        #expect(answer.status == 400)
    }

    @Test func `a host that the configuration does not list is refused, however well it is signed`() async throws {
        let answer = try await rig.call("TrentService.ListAliases", [:], Rig.Signing(host: "attacker.test"))
        #expect(answer.status == 400)
        #expect(answer.error != nil)
    }

    @Test func `another region's signature is refused`() async throws {
        let answer = try await rig.call("TrentService.ListAliases", [:], Rig.Signing(region: "eu-west-1"))
        #expect(answer.error != nil)
    }

    @Test func `a body, target or added header that was not signed is refused`() async throws {
        let rig = try await rig
        let good = try rig.signed("TrentService.ListAliases", Array("{}".utf8))
        #expect(try await rig.send(good).status == .ok)
        var body = good
        body.body = ByteBuffer(string: "{ }")
        var target = good
        target.headers.replaceOrAdd(name: "X-Amz-Target", value: "KeyBroker.GetStatus")
        var added = good
        added.headers.add(name: "X-Amz-Target", value: "KeyBroker.GetStatus")
        var token = good
        token.headers.add(name: "X-Amz-Security-Token", value: "x")
        for request in [body, target, added, token] {
            let answer = try rig.answer(try await rig.send(request))
            #expect(answer.status == 400)
            #expect(answer.error != nil)
        }
    }

    @Test func `a captured request that is replayed within its time is answered again`() async throws {
        let rig = try await rig
        let request = try rig.signed("TrentService.ListAliases", Array("{}".utf8))
        #expect(try await rig.send(request).status == .ok)
        #expect(try await rig.send(request).status == .ok)
    }

    // MARK: Malformed input

    @Test(arguments: ["", "{", "[]", "null", "\"x\"", "{\"KeyId\":1}", "{\"KeyId\":\"a\",\"KeyId\":\"b\"}", "\u{0}"])
    func `a body that is not a request is refused by name`(body: String) async throws {
        let rig = try await rig
        let answer = try rig.answer(
            try await rig.send(try rig.signed("TrentService.Sign", Array(body.utf8)))
        )
        #expect(["SerializationException", "ValidationException"].contains(answer.error?.name))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "POST / HTTP/9.9\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        "GET /attestation HTTP/1.1\r\nHost: x\r\n\r\n", "GET /attestation?nonce HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /attestation?nonce=%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET ?nonce=00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ])
    func `bytes of any kind leave the enclave serving`(text: String) async throws {
        let rig = try await rig
        guard case .tcp(_, let port) = rig.enclave.endpoint else { return }
        let connection = try RawConnection(port: port)
        try? connection.send(Array(text.utf8))
        #expect(try await rig.get("/health").status == .ok)
    }

    // MARK: The broker's own operations

    @Test func `GetStatus says what runs`() async throws {
        let answer = try await rig.call("KeyBroker.GetStatus", [:])
        #expect(answer.output["State"]?.string == "unlocked")
        #expect(answer.output["BrokerId"]?.string == "audit")
        #expect(answer.output["KeyringVersion"]?.int64 == 1)
        #expect(answer.output["Pcr0"]?.string == Hex.encode(Rig.measurements.pcr0))
    }

    @Test(arguments: ["KeyBroker.GetStatus", "KeyBroker.GetAttestation"])
    func `kms:* does not cover the broker's own operations`(target: String) async throws {
        let answer = try await rig.call(
            target,
            ["Nonce": .blob([UInt8](repeating: 1, count: 16))],
            Rig.Signing(principal: 1)
        )
        #expect(answer.error?.name == "AccessDeniedException")
        let action = target.replacing("KeyBroker.", with: "keybroker:")
        #expect(
            answer.error?.message
                == "User: arn:aws:iam::000000000000:user/signer is not authorized to perform: \(action) on resource: "
                + "arn:aws:keybroker:us-east-1:000000000000:broker/audit because no identity-based policy allows the "
                + "\(action) action"
        )
    }

    private func verified(_ document: [UInt8], nonce: [UInt8]) async throws -> AttestationDocument {
        var policy = VerificationPolicy(roots: try await rig.roots)
        policy.nonce = nonce
        policy.pcrs = [0: Rig.measurements.pcr0]
        switch try AttestationVerifier(policy: policy).verify(document, at: Workshop.now()) {
        case .accepted(let verified): return verified.document
        case .rejected(let rejection): throw rejection
        }
    }

    @Test func `GetAttestation names keyring, boot and the key that was asked for`() async throws {
        let rig = try await rig
        let nonce = [UInt8](0..<16)
        let answer = try await rig.call("KeyBroker.GetAttestation", ["Nonce": .blob(nonce), "KeyId": "alias/p256"])
        let document = try await verified(try #require(answer.output.blob("AttestationDocument")), nonce: nonce)
        #expect(document.publicKey == nil)
        let userData = try AttestationUserData(decoding: try #require(document.userData))
        let key = rig.workshop.contents.keys[1]
        #expect(userData.purpose == .identity)
        #expect(userData.keyringID == "ring")
        #expect(userData.keyringVersion == 1)
        #expect(userData.signingKeyDigest == Hash.digest(.sha256, key.spki ?? []))
        #expect(userData.signingKeyOrigin?.origin == .madeOffline)
        #expect(userData.signingKeyOrigin?.createdAt == UInt64(key.creationDate.seconds))
        let zeros = [UInt8](repeating: 0, count: 48)
        let digest = try #require(userData.keyringDigest)
        #expect(document.pcrs[17] == Hash.digest(.sha384, zeros, digest))
        #expect(document.pcrs[16] == Hash.digest(.sha384, zeros, userData.configurationDigest))
    }

    @Test func `GET attestation answers raw CBOR to a nonce in hex, without a key if none is named`() async throws {
        let nonce = [UInt8](repeating: 0xAB, count: 64)
        let response = try await rig.get("/attestation?nonce=\(Hex.encode(nonce))")
        #expect(response.headers.first(name: "Content-Type") == "application/cbor")
        let document = try await verified(Array(response.body.readableBytesView), nonce: nonce)
        let userData = try AttestationUserData(decoding: try #require(document.userData))
        #expect(userData.purpose == .identity)
        #expect(userData.signingKeyDigest == nil)
    }

    @Test func `GET attestation names a key by any form, percent-encoded too`() async throws {
        let rig = try await rig
        let nonce = [UInt8](repeating: 1, count: 16)
        let key = rig.workshop.contents.keys[0]
        for name in ["alias/ed", "alias%2Fed", key.id, key.arn] {
            let response = try await rig.get("/attestation?nonce=\(Hex.encode(nonce))&key=\(name)")
            let document = try await verified(Array(response.body.readableBytesView), nonce: nonce)
            let userData = try AttestationUserData(decoding: try #require(document.userData))
            #expect(userData.signingKeyDigest == Hash.digest(.sha256, key.spki ?? []))
        }
    }

    @Test(arguments: [
        "", "nonce=", "nonce=00", "nonce=\(String(repeating: "00", count: 15))",
        "nonce=\(String(repeating: "00", count: 65))", "nonce=\(String(repeating: "zz", count: 16))",
        "nonce=\(String(repeating: "00", count: 16))&nonce=\(String(repeating: "00", count: 16))",
        "nonce=\(String(repeating: "00", count: 16))&user_data=00",
        "nonce=\(String(repeating: "00", count: 16))&key=alias/none",
        "nonce=\(String(repeating: "00", count: 16))&key=alias/mac",
    ])
    func `GET attestation refuses other queries`(query: String) async throws {
        let response = try await rig.get("/attestation?\(query)")
        #expect(response.status == .badRequest)
        #expect(response.headers.first(name: "Content-Type") == "application/x-amz-json-1.1")
    }

    @Test(
        arguments: [
            [:], ["Nonce": nil], ["Nonce": 1], ["Nonce": "!"], ["Nonce": "AAAA"],
            ["Nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "KeyId": 1],
            ["Nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "KeyId": "alias/mac"],
        ] as [JSON]
    )
    func `GetAttestation refuses other input`(input: JSON) async throws {
        let answer = try await rig.call("KeyBroker.GetAttestation", input)
        #expect(answer.error != nil)
        #expect(answer.output["AttestationDocument"] == nil)
    }

    @Test func `health is open, and says that it serves`() async throws {
        let response = try await rig.get("/health")
        #expect(response.status == .ok)
        let body = try #require(try JSON.parse(Array(response.body.readableBytesView)).object)
        #expect(body["state"]?.string == "unlocked")
        #expect(body["version"]?.string == productVersion)
    }
}
