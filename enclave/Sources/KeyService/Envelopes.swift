// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Encoding
package import KMSProtocol

// `KeyBroker.Encrypt` and `KeyBroker.Decrypt`: payloads of confidential workflows, under a key of their own. They are
// authorised as what they come to, `kms:Encrypt` and `kms:Decrypt` on the key. Over anything but TLS that ends inside
// both are refused before anything else: whoever carries the bytes would read the payload.
//
// Not for an event loop where the payload is long.

extension KeyService {
    /// Seals a payload under a fresh random nonce. `count` is called once for each nonce that the key spends, and may
    /// refuse: see ``EnvelopeLimits``.
    package func encryptEnvelope(
        _ input: JSONObject,
        caller: Caller,
        keys: KeyTable,
        circumstances: Circumstances,
        count: (_ keyID: String) throws(KMSError) -> Void
    ) throws(KMSError) -> JSONObject {
        guard circumstances.isSecureTransport else { throw .secretNeedsTLS("Encrypt", enters: true) }
        var request = try EncryptEnvelopeRequest(input)
        defer { wipe(&request.plaintext) }
        let parameters = request.parameters
        let (key, secret) = try envelopeKey(
            parameters,
            Call(operation: "Encrypt", caller: caller, keys: keys, circumstances: circumstances)
        )
        guard !parameters.dryRun else { throw .dryRunSucceeded }
        try count(key.id)
        let envelope: SealedEnvelope
        do {
            let nonce = try random(EnvelopeLimits.nonceLength)
            envelope = SealedEnvelope(
                nonce: nonce,
                sealed: try AESGCM.seal(
                    request.plaintext,
                    key: secret.bytes,
                    nonce: nonce,
                    additionalData: parameters.additionalData
                )
            )
        } catch {
            throw .cryptographyFailed
        }
        return JSONObject([
            ("KeyId", .string(key.arn)), ("Envelope", envelope.json(as: parameters.format)),
            ("Format", .string(parameters.format.rawValue)),
        ])
    }

    /// Opens an envelope. One error for another key, other additional data, changed bytes, and what is no envelope in
    /// the form that the request names.
    package func decryptEnvelope(
        _ input: JSONObject,
        caller: Caller,
        keys: KeyTable,
        circumstances: Circumstances
    ) throws(KMSError) -> JSONObject {
        guard circumstances.isSecureTransport else { throw .secretNeedsTLS("Decrypt") }
        let request = try DecryptEnvelopeRequest(input)
        let parameters = request.parameters
        let (key, secret) = try envelopeKey(
            parameters,
            Call(operation: "Decrypt", caller: caller, keys: keys, circumstances: circumstances)
        )
        guard let envelope = request.envelope else { throw .invalidCiphertext }
        let plaintext: SecretBytes
        do {
            plaintext = try AESGCM.open(
                envelope.ciphertext,
                key: secret.bytes,
                nonce: envelope.nonce,
                additionalData: parameters.additionalData
            )
        } catch {
            // No memory to lock is no fault of the envelope.
            throw error.code == .authenticationFailed ? .invalidCiphertext : .cryptographyFailed
        }
        guard !parameters.dryRun else { throw .dryRunSucceeded }
        return JSONObject([("KeyId", .string(key.arn)), ("Plaintext", .blob(Self.bytes(of: plaintext)))])
    }

    /// The key that the request names, if it is one for this, enabled, and its caller may use it so.
    private func envelopeKey(_ request: EnvelopeParameters, _ call: Call) throws(KMSError) -> (KeyRecord, SharedSecret)
    {
        let algorithm = EncryptionAlgorithm.symmetricDefault
        let key = try call.key(request.keyID, parameters: ["kms:EncryptionAlgorithm": [algorithm.rawValue]])
        return (key, try encryptionKey(key, algorithm, call))
    }
}
