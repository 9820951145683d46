// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import DevelopmentKMS
import EnclaveCore
import Encoding
import Foundation
import KMSProtocol
import Keyring
import Logging
import NIOCore
import NIOHTTP1
import NitroAttestation
import SecurityModule
import SigV4
import SoftwareModule
import TestSupport
import Testing
import Transport

/// The enclave against the development KMS, which verifies documents and evaluates key policies. The host is honest and
/// adds nothing but credentials.
/// One at a time: each boot costs RSA keys.
@Suite(.serialized) struct RealKMSTests {
    /// Calls a KMS as an operator or a relay does.
    final class Caller: Sendable {
        let endpoint: Endpoint
        private let client: HTTPClient
        private let credentials: AWSCredentials

        init(_ endpoint: Endpoint, _ credentials: AWSCredentials) {
            self.endpoint = endpoint
            self.credentials = credentials
            client = HTTPClient(
                endpoint,
                group: Rig.group,
                limits: HTTPLimits(bodyLength: 1 << 20),
                timeout: .seconds(10)
            )
        }

        func forward(_ target: String, _ body: [UInt8]) async throws -> HTTPResponse {
            var headers = [
                (name: "Host", value: "kms.test"), (name: "Content-Type", value: amzJSON),
                (name: "X-Amz-Target", value: target),
            ]
            headers += SigV4Signer.sign(
                SigV4Request(method: "POST", target: "/", headers: headers, body: body),
                credentials: credentials,
                scope: SigV4Scope(region: Workshop.region, service: "kms"),
                at: Workshop.now()
            )
            return try await client.send(
                HTTPRequest(
                    method: .POST,
                    target: "/",
                    headers: HTTPHeaders(headers.map { ($0.name, $0.value) }),
                    body: ByteBuffer(bytes: body)
                )
            )
        }

        func call(_ operation: String, _ input: JSON) async throws -> JSONObject {
            let response = try await forward("TrentService.\(operation)", input.serialized())
            try #require(response.status == .ok, "\(String(buffer: response.body))")
            let body = Array(response.body.readableBytesView)
            return body.isEmpty ? JSONObject() : try #require(try JSON.parse(body).object)
        }

        func close() async { await client.close() }
    }

    /// A key policy that lets only an enclave with these registers decrypt, and the root do the rest.
    private static func policy(pcr0: [UInt8], pcr16: [UInt8]) -> String {
        let text: JSON = [
            "Version": "2012-10-17",
            "Statement": [
                [
                    "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::000000000000:root"], "Action": "kms:*",
                    "Resource": "*",
                ],
                [
                    "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
                    "Condition": [
                        "StringNotEqualsIgnoreCase": [
                            "kms:RecipientAttestation:PCR0": .string(Hex.encode(pcr0))
                        ]
                    ],
                ],
                [
                    "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
                    "Condition": [
                        "StringNotEqualsIgnoreCase": [
                            "kms:RecipientAttestation:PCR16": .string(Hex.encode(pcr16))
                        ]
                    ],
                ],
            ],
        ]
        return String(decoding: text.serialized(), as: UTF8.self)
    }

    private static func pcr16(_ configuration: [UInt8]) -> [UInt8] {
        Hash.digest(.sha384, [UInt8](repeating: 0, count: 48), Hash.digest(.sha384, configuration))
    }

    @Test func `unlocks once the key policy names its PCR0 and PCR16, and not before`() async throws {
        let directory = try TemporaryDirectory()
        // The module's authority exists before the enclave that uses it.
        _ = try SoftwareModule(
            directory: directory.url.path,
            measurements: Rig.measurements,
            clock: { Workshop.now() }
        )
        let root = directory.url.appendingPathComponent(SoftwareModule.rootFileName)
        let credentials = AWSCredentials(
            accessKeyID: "test",
            secretAccessKey: SharedSecret(try Workshop.secret(Array("test".utf8)))
        )
        let kms = DevelopmentKMS(
            options: .init(
                account: Workshop.account,
                region: Workshop.region,
                accessKeys: [.init(credentials: credentials, arn: "arn:aws:iam::000000000000:root")],
                roots: try TrustAnchors(pem: try String(contentsOf: root, encoding: .utf8))
            ),
            clock: { Workshop.now() },
            logger: Logger(label: "kms")
        )
        let server = try await kms.serve(on: .tcp(host: "127.0.0.1", port: 0), group: Rig.group)
        let caller = Caller(server.endpoint, credentials)

        // The operator: a KMS key, a data key as TSK, a keyring, a configuration, a key policy.
        let metadata = try await caller.call("CreateKey", [:])["KeyMetadata"]
        let keyARN = try #require(metadata?.object?["Arn"]?.string)
        let context = BrokerConfiguration.encryptionContext(brokerID: "audit", keyringID: Workshop.keyringID)
        let dataKey = try await caller.call(
            "GenerateDataKey",
            [
                "KeyId": .string(keyARN), "KeySpec": "AES_256",
                "EncryptionContext": .object(JSONObject(context.map { ($0.key, .string($0.value)) })),
            ]
        )
        let tsk = try #require(dataKey.blob("Plaintext"))
        let keys = try TrustedSessionKey(try Workshop.secret(tsk)).keys(
            keyringID: Workshop.keyringID,
            kmsKeyARN: keyARN
        )
        var workshop = try Workshop()
        workshop.configuration.kms.keyARN = keyARN
        workshop.configuration.tsk.ciphertext = try #require(dataKey.blob("CiphertextBlob"))
        workshop.configuration.tsk.commitment = try keys.commitment()
        let sealed = try workshop.contents.sealed(
            as: KeyringHeader(keyringID: Workshop.keyringID),
            under: keys,
            random: SecureRandom.bytes
        )
        let measured = Self.pcr16(workshop.configuration.json)
        var other = measured
        other[0] ^= 1
        _ = try await caller.call(
            "PutKeyPolicy",
            ["KeyId": .string(keyARN), "Policy": .string(Self.policy(pcr0: Rig.measurements.pcr0, pcr16: other))]
        )

        let rig = try await Rig(workshop, directory: directory) {
            $1.keyring = sealed.bytes
            $1.kms = [{ call in try await caller.forward("TrentService.Decrypt", call.body) }]
        }
        try await rig.wait("a refusal") { $0.lines.all.contains { $0.contains("AccessDeniedException") } }
        #expect(rig.enclave.currentState.name == "configured")
        try await rig.expectNoSignature()
        _ = try await caller.call(
            "PutKeyPolicy",
            ["KeyId": .string(keyARN), "Policy": .string(Self.policy(pcr0: Rig.measurements.pcr0, pcr16: measured))]
        )
        try await rig.waitForState("unlocked")
        let answer = try await rig.call(
            "TrentService.Sign",
            ["KeyId": "alias/ed", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512"]
        )
        #expect(answer.status == 200)
        await rig.stop()
        await caller.close()
        await server.shutdown(grace: .seconds(1))
    }
}
