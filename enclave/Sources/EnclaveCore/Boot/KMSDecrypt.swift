// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding
import KMSProtocol

/// The one KMS request of a boot: `Decrypt` with `Recipient`, through the host.
enum KMSDecrypt: Sendable {
    private static let target = "\(TargetPrefix.kms).Decrypt"
    /// The only one that KMS knows.
    private static let keyEncryptionAlgorithm = "RSAES_OAEP_SHA_256"

    /// What an answer holds, unverified: the host may have made it.
    struct Answer: Sendable {
        var envelope: [UInt8]
        /// A diagnostic only: the host can put anything there.
        var keyID: String?
    }

    /// The request's body: the configured context verbatim, and no member for an empty one.
    static func request(_ configuration: BrokerConfiguration, document: [UInt8]) -> [UInt8] {
        var members: [(String, JSON)] = [
            ("CiphertextBlob", .blob(configuration.tsk.ciphertext)),
            ("KeyId", .string(configuration.kms.keyARN)),
        ]
        let context = configuration.tsk.encryptionContext
        if !context.isEmpty {
            let pairs = context.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            members.append(("EncryptionContext", .object(JSONObject(pairs.map { ($0.key, .string($0.value)) }))))
        }
        let recipient = JSONObject([
            ("KeyEncryptionAlgorithm", .string(keyEncryptionAlgorithm)), ("AttestationDocument", .blob(document)),
        ])
        members.append(("Recipient", .object(recipient)))
        return JSON.object(JSONObject(members)).serialized()
    }

    /// Sends the request. Whatever KMS or the host says instead of an envelope is worth another try, with a new key and
    /// a new document.
    static func send(_ configuration: BrokerConfiguration, document: [UInt8], _ relay: RelayClient)
        async throws(RetryableFailure) -> Answer
    {
        let answer: RelayClient.KMSAnswer
        do {
            answer = try await relay.kms(target: target, body: request(configuration, document: document))
        } catch {
            throw RetryableFailure(.relay, "\(error)")
        }
        guard answer.status == 200 else {
            guard let error = KMSError(body: answer.body, errorTypeHeader: answer.errorType) else {
                throw RetryableFailure(.kms, "HTTP status \(answer.status)")
            }
            throw RetryableFailure(
                .kms,
                quoted([error.name, error.message].compactMap(\.self).joined(separator: ": "))
            )
        }
        let limits = JSONLimits(totalLength: EnclaveLimits.kmsAnswer, depth: 8)
        guard let body = (try? JSON.parse(answer.body, limits: limits))?.object,
            let envelope = body.blob("CiphertextForRecipient")
        else { throw RetryableFailure(.kms, "the answer holds no CiphertextForRecipient") }
        return Answer(envelope: envelope, keyID: body["KeyId"]?.string)
    }
}
