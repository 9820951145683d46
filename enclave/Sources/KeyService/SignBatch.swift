// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Encoding
package import KMSProtocol

extension KeyService {
    /// Signs many messages with one key: one decision, that of `kms:Sign` with the condition keys of `Sign`, because
    /// that is what it comes to. All messages are checked before the first is signed.
    ///
    /// Not for an event loop: a thousand signatures take from 40 ms to seconds.
    package func signBatch(
        _ input: JSONObject,
        caller: Caller,
        keys: KeyTable,
        circumstances: Circumstances
    ) throws(KMSError) -> JSONObject {
        let request = try SignBatchRequest(input)
        let call = Call(operation: "Sign", caller: caller, keys: keys, circumstances: circumstances)
        let parameters = request.parameters
        let (key, privateKey, scheme) = try signingKey(
            parameters,
            messageLengths: request.messages.map(\.count),
            call
        )
        guard !parameters.dryRun else { throw .dryRunSucceeded }
        let signatures: [[UInt8]]
        do {
            signatures =
                switch parameters.messageType {
                case .digest: try privateKey.sign(digests: request.messages, scheme: scheme)
                case .raw, .externalMu: try privateKey.sign(messages: request.messages, scheme: scheme)
                }
        } catch {
            throw .cryptographyFailed
        }
        return JSONObject([
            ("KeyId", .string(key.arn)), ("SigningAlgorithm", .string(parameters.signingAlgorithm.rawValue)),
            ("Signatures", .array(signatures.map { .blob($0) })),
        ])
    }
}
