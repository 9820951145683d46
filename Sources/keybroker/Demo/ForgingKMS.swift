// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import NitroAttestation
import Transport

/// A host in KMS's place: takes the attested public key from the enclave's own request and encrypts a secret of its own
/// choice to it. Nothing in the envelope can tell it from KMS's.
struct ForgingKMS: Sendable {
    let server: HTTPServer

    static func start(keyARN: String) async throws -> ForgingKMS {
        let server = try await HTTPServer.start(
            on: .tcp(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            limits: HTTPLimits(bodyLength: 1 << 20)
        ) { request, loop in
            loop.makeSucceededFuture(answer(to: Array(request.body.readableBytesView), keyARN: keyARN))
        }
        return ForgingKMS(server: server)
    }

    private static func answer(to body: [UInt8], keyARN: String) -> HTTPResponse {
        do {
            let envelope = try forgedEnvelope(for: body)
            let answer: JSON = [
                "KeyId": .string(keyARN), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                "CiphertextForRecipient": .string(Base64.encode(envelope)),
            ]
            return HTTPResponse(
                status: .ok,
                headers: ["Content-Type": amzJSON],
                body: ByteBuffer(bytes: answer.serialized())
            )
        } catch {
            return HTTPResponse(status: .badRequest)
        }
    }

    private static func forgedEnvelope(for body: [UInt8]) throws -> [UInt8] {
        let recipient = try JSON.parse(body).object?["Recipient"]?.object
        let document = try Base64.decode(recipient?["AttestationDocument"]?.string ?? "")
        let spki = try UnverifiedAttestation(parsing: document).claims.publicKey ?? []
        return try CMSEnvelopedData.seal(
            try SecretBytes.random(count: 32),
            to: try PublicKey(spki: spki),
            random: SecureRandom.bytes(count:)
        )
    }
}
