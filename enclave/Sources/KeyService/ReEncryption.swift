// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol

// What re-encrypts and what makes a data key for later: their answers hold no secret.

extension KeyService {
    /// Needs `kms:ReEncryptFrom` on the one key and `kms:ReEncryptTo` on the other.
    func reEncrypt(_ request: ReEncryptRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let (from, fromAlias) = try entry(
            of: request.ciphertextBlob,
            keyID: request.sourceKeyID,
            member: "SourceKeyId",
            request.sourceEncryptionAlgorithm,
            call
        )
        let (to, toAlias) = try call.keys.entry(request.destinationKeyID)
        let (source, destination) = (from.record, to.record)
        let sourceContext = EncryptionContext(request.sourceEncryptionContext)
        let destinationContext = EncryptionContext(request.destinationEncryptionContext)
        let onSameKey = ["kms:ReEncryptOnSameKey": [source.id == destination.id ? "true" : "false"]]

        let reading = call.acting(as: "ReEncryptFrom")
        try reading.authorize(
            from,
            alias: fromAlias,
            parameters: parameters(sourceContext, request.sourceEncryptionAlgorithm).merging(onSameKey) { $1 }
        )
        let writing = call.acting(as: "ReEncryptTo")
        try writing.authorize(
            to,
            alias: toAlias,
            parameters: parameters(destinationContext, request.destinationEncryptionAlgorithm)
                .merging(onSameKey) { $1 }
        )
        let sourceSecret = try encryptionKey(source, request.sourceEncryptionAlgorithm, call)
        let destinationSecret = try encryptionKey(destination, request.destinationEncryptionAlgorithm, call)
        let plaintext = try open(
            try blob(request.ciphertextBlob, of: source),
            with: sourceSecret,
            sourceContext
        )
        guard !request.dryRun else { throw .dryRunSucceeded }
        let ciphertext = try seal(plaintext, under: destination, destinationSecret, destinationContext)
        var output = JSONObject([
            ("CiphertextBlob", .blob(ciphertext)),
            ("SourceKeyId", .string(source.arn)),
            ("KeyId", .string(destination.arn)),
            ("SourceEncryptionAlgorithm", .string(request.sourceEncryptionAlgorithm.rawValue)),
            ("DestinationEncryptionAlgorithm", .string(request.destinationEncryptionAlgorithm.rawValue)),
        ])
        output["SourceKeyMaterialId"] = source.keyMaterialID.map { .string($0) }
        output["DestinationKeyMaterialId"] = destination.keyMaterialID.map { .string($0) }
        return output
    }

    func generateDataKeyWithoutPlaintext(
        _ request: GenerateDataKeyRequest,
        _ call: Call
    ) throws(KMSError) -> JSONObject {
        let context = EncryptionContext(request.encryptionContext)
        let key = try call.key(request.keyID, parameters: parameters(context, .symmetricDefault))
        let secret = try encryptionKey(key, .symmetricDefault, call)
        guard !request.dryRun else { throw .dryRunSucceeded }
        let dataKey = try makeDataKey(count: request.numberOfBytes)
        var output = JSONObject([
            ("CiphertextBlob", .blob(try seal(dataKey, under: key, secret, context))), ("KeyId", .string(key.arn)),
        ])
        output["KeyMaterialId"] = key.keyMaterialID.map { .string($0) }
        return output
    }
}
