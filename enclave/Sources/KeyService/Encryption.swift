// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol

// Encrypt, Decrypt and GenerateDataKey under SYMMETRIC_DEFAULT, and GenerateRandom. All but the first take a `Recipient`:
// its document was verified before (``Circumstances/recipient``), policies see its PCRs, and the secret leaves encrypted
// to its key alone.

extension KeyService {
    func encrypt(_ request: EncryptRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let context = EncryptionContext(request.encryptionContext)
        let key = try call.key(request.keyID, parameters: parameters(context, request.encryptionAlgorithm))
        let secret = try encryptionKey(key, request.encryptionAlgorithm, call)
        guard !request.dryRun else { throw .dryRunSucceeded }
        let blob = try seal(try plaintext(request), under: key, secret, context)
        return JSONObject([
            ("CiphertextBlob", .blob(blob)),
            ("KeyId", .string(key.arn)),
            ("EncryptionAlgorithm", .string(request.encryptionAlgorithm.rawValue)),
        ])
    }

    func decrypt(_ request: DecryptRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let recipient = try recipient(of: request.recipient, call)
        let context = EncryptionContext(request.encryptionContext)
        let parameters = parameters(context, request.encryptionAlgorithm)
        let (entry, alias) = try entry(
            of: request.ciphertextBlob,
            keyID: request.keyID,
            member: "KeyId",
            request.encryptionAlgorithm,
            call
        )
        try call.authorize(entry, alias: alias, parameters: parameters)
        let key = entry.record
        let secret = try encryptionKey(key, request.encryptionAlgorithm, call)
        let blob = try blob(request.ciphertextBlob, of: key)
        let plaintext = try open(blob, with: secret, context)
        guard !request.dryRun else { throw .dryRunSucceeded }
        var output = JSONObject([
            ("KeyId", .string(key.arn)), ("EncryptionAlgorithm", .string(request.encryptionAlgorithm.rawValue)),
        ])
        try put(plaintext, into: &output, for: recipient, call)
        if recipient == nil { output["KeyMaterialId"] = key.keyMaterialID.map { .string($0) } }
        return output
    }

    func generateDataKey(_ request: GenerateDataKeyRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let recipient = try recipient(of: request.recipient, call)
        let context = EncryptionContext(request.encryptionContext)
        let key = try call.key(request.keyID, parameters: parameters(context, .symmetricDefault))
        let secret = try encryptionKey(key, .symmetricDefault, call)
        guard !request.dryRun else { throw .dryRunSucceeded }
        let dataKey = try makeDataKey(count: request.numberOfBytes)
        let blob = try seal(dataKey, under: key, secret, context)
        var output = JSONObject([("CiphertextBlob", .blob(blob)), ("KeyId", .string(key.arn))])
        try put(dataKey, into: &output, for: recipient, call)
        if recipient == nil { output["KeyMaterialId"] = key.keyMaterialID.map { .string($0) } }
        return output
    }

    /// Has no key as resource: IAM policies alone decide (Developer Guide, "AWS KMS permissions").
    func generateRandom(_ request: GenerateRandomRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let recipient = try recipient(of: request.recipient, call)
        try AccessCheck(call: call).require(ownedBy: call.keys.account)
        guard request.customKeyStoreID == nil else {
            throw KMSError("UnsupportedOperationException", "Custom key stores are not supported.")
        }
        var output = JSONObject()
        try put(try makeDataKey(count: request.numberOfBytes), into: &output, for: recipient, call)
        return output
    }

    // MARK: Steps

    /// The key that a request names for its ciphertext, or that the ciphertext itself names. `member` is what the request
    /// calls it.
    func entry(
        of ciphertext: [UInt8],
        keyID: String?,
        member: String,
        _ algorithm: EncryptionAlgorithm,
        _ call: Call
    ) throws(KMSError) -> (entry: KeyTable.Entry, alias: String?) {
        if let keyID { return try call.keys.entry(keyID) }
        guard algorithm == .symmetricDefault else { throw .validation("\(member) must not be null") }
        guard let blob = CiphertextBlob(ciphertext) else { throw .invalidCiphertext }
        guard let entry = call.keys.entryIfPresent(id: blob.keyID) else {
            throw .accessDenied(
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
                    + "or you are not allowed to access."
            )
        }
        return (entry, nil)
    }

    /// The parts of a ciphertext, which must be one of this key's.
    func blob(_ ciphertext: [UInt8], of key: KeyRecord) throws(KMSError) -> CiphertextBlob {
        guard let blob = CiphertextBlob(ciphertext) else { throw .invalidCiphertext }
        guard blob.keyID == key.id else {
            throw KMSError(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation."
            )
        }
        return blob
    }

    private func plaintext(_ request: EncryptRequest) throws(KMSError) -> SecretBytes {
        var plaintext = request.plaintext
        do { return try SecretBytes(movingFrom: &plaintext) } catch { throw .cryptographyFailed }
    }

    func makeDataKey(count: Int) throws(KMSError) -> SecretBytes {
        do { return try SecretBytes.random(count: count) } catch { throw .cryptographyFailed }
    }

    func seal(
        _ plaintext: borrowing SecretBytes,
        under key: KeyRecord,
        _ secret: SharedSecret,
        _ context: EncryptionContext
    ) throws(KMSError) -> [UInt8] {
        do {
            return try CiphertextBlob.seal(plaintext, keyID: key.id, key: secret, context: context, random: random)
        } catch {
            throw .cryptographyFailed
        }
    }

    /// One error for another key, another context and changed bytes, as KMS has it.
    func open(
        _ blob: CiphertextBlob,
        with secret: SharedSecret,
        _ context: EncryptionContext
    ) throws(KMSError) -> SecretBytes {
        do { return try blob.open(with: secret, context: context) } catch { throw .invalidCiphertext }
    }

    /// A request that names a recipient is never answered in clear, whatever its caller forgot to verify.
    private func recipient(of info: RecipientInfo?, _ call: Call) throws(KMSError) -> Recipient? {
        guard info != nil else { return nil }
        guard let recipient = call.circumstances.recipient else {
            throw KMSError("UnsupportedOperationException", "Recipient is not supported.")
        }
        return recipient
    }

    func parameters(_ context: EncryptionContext, _ algorithm: EncryptionAlgorithm) -> [String: [String]] {
        var keys = context.conditionKeys
        keys["kms:EncryptionAlgorithm"] = [algorithm.rawValue]
        return keys
    }

    func encryptionKey(
        _ key: KeyRecord,
        _ algorithm: EncryptionAlgorithm,
        _ call: Call
    ) throws(KMSError) -> SharedSecret {
        try call.requireEnabled(key)
        try call.requireUsage(.encryptDecrypt, of: key)
        guard key.spec.encryptionAlgorithms.contains(algorithm) else {
            throw .algorithmIncompatible(algorithm.rawValue, with: key.spec)
        }
        guard case .symmetric(let secret) = key.material else {
            throw KMSError("UnsupportedOperationException", "Algorithm \(algorithm.rawValue) is not supported.")
        }
        return secret
    }

    /// `Plaintext`, or `CiphertextForRecipient` and no `Plaintext` (API Reference: then null or empty).
    private func put(
        _ secret: borrowing SecretBytes,
        into output: inout JSONObject,
        for recipient: Recipient?,
        _ call: Call
    ) throws(KMSError) {
        guard let recipient else {
            guard call.circumstances.isSecureTransport || !plaintextNeedsTLS else {
                throw .secretNeedsTLS(call.operation)
            }
            output["Plaintext"] = .blob(Self.bytes(of: secret))
            return
        }
        do {
            output["CiphertextForRecipient"] = .blob(
                try CMSEnvelopedData.seal(secret, to: recipient.publicKey, random: random)
            )
        } catch {
            throw .cryptographyFailed
        }
    }

    /// For a response, which is no locked memory.
    static func bytes(of secret: borrowing SecretBytes) -> [UInt8] {
        secret.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) } }
    }
}
