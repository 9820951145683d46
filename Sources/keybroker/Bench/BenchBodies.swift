// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import KMSProtocol

/// Request bodies to send again and again: different messages, so that nothing on the way can answer from memory.
enum BenchBodies {
    /// Bodies of one message each.
    private static let count = 256
    /// Bodies of many messages each.
    private static let batchCount = 8
    /// Signatures that are made first, to be verified.
    private static let verifiedCount = 32

    static func make(
        _ operation: BenchOperation,
        _ subject: BenchSubject,
        batchSize: Int,
        _ client: KMSClient
    ) async throws -> [[UInt8]] {
        var bodies: [[UInt8]] = []
        switch operation {
        case .sign:
            for _ in 0..<count { bodies.append(signing(subject, [("Message", .blob(try subject.message()))])) }
        case .signBatch:
            for _ in 0..<batchCount {
                var messages: [JSON] = []
                for _ in 0..<batchSize { messages.append(.blob(try subject.message())) }
                bodies.append(signing(subject, [("Messages", .array(messages))]))
            }
        case .verify:
            for _ in 0..<verifiedCount {
                let message = JSON.blob(try subject.message())
                let signature = try await sign(message, subject, client)
                bodies.append(signing(subject, [("Message", message), ("Signature", signature)]))
            }
        case .generateMAC:
            for _ in 0..<count {
                bodies.append(
                    body([
                        ("KeyId", .string(subject.keyID)), ("Message", .blob(try subject.message())),
                        ("MacAlgorithm", .string(subject.algorithm ?? "")),
                    ])
                )
            }
        case .getPublicKey: bodies = [body([("KeyId", .string(subject.keyID))])]
        }
        return bodies
    }

    private static func sign(_ message: JSON, _ subject: BenchSubject, _ client: KMSClient) async throws -> JSON {
        do {
            let input = JSON.object(JSONObject(members(subject) + [("Message", message)]))
            let answer = try await client.call(BenchOperation.sign.target, input)
            guard let signature = answer["Signature"] else { throw KMSClient.Failure.malformedResponse }
            return signature
        } catch let error as KMSClient.Failure {
            throw CommandFailure.failed("Sign, for signatures to verify: \(error.line)")
        }
    }

    private static func signing(_ subject: BenchSubject, _ more: [(String, JSON)]) -> [UInt8] {
        body(members(subject) + more)
    }

    private static func members(_ subject: BenchSubject) -> [(String, JSON)] {
        [
            ("KeyId", .string(subject.keyID)), ("MessageType", .string(subject.messageType.rawValue)),
            ("SigningAlgorithm", .string(subject.algorithm ?? "")),
        ]
    }

    private static func body(_ members: [(String, JSON)]) -> [UInt8] { JSON.object(JSONObject(members)).serialized() }
}
