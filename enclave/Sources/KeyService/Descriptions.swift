// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Encoding
import KMSProtocol

extension KeyService {
    func describeKey(_ request: DescribeKeyRequest, _ call: Call) throws(KMSError) -> JSONObject {
        JSONObject([("KeyMetadata", .object(try call.key(request.keyID).metadata(account: call.keys.account)))])
    }

    /// A disabled key shows its public key, as KMS was seen to do against its own documentation.
    func getPublicKey(_ request: GetPublicKeyRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let key = try call.key(request.keyID)
        try call.requireNotPendingDeletion(key)
        guard let spki = key.spki else { throw .noPublicKey }
        var output = JSONObject([
            ("KeyId", .string(key.arn)),
            ("PublicKey", .blob(spki)),
            ("CustomerMasterKeySpec", .string(key.spec.rawValue)),
            ("KeySpec", .string(key.spec.rawValue)),
            ("KeyUsage", .string(key.usage.rawValue)),
        ])
        let algorithms = key.algorithms
        output[algorithms.member] = .array(algorithms.names.map { .string($0) })
        return output
    }

    /// A key has one policy, whose name is `default`.
    func listKeyPolicies(_ request: ListKeyPoliciesRequest, _ call: Call) throws(KMSError) -> JSONObject {
        _ = try call.managedKey(request.keyID)
        if let marker = request.marker {
            throw KMSError("InvalidMarkerException", "Could not deserialize marker '\(marker)'")
        }
        return JSONObject([("PolicyNames", [.string(PutKeyPolicyRequest.policyName)]), ("Truncated", false)])
    }

    func getKeyPolicy(_ request: GetKeyPolicyRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let key = try call.managedKey(request.keyID)
        return JSONObject([
            ("Policy", .string(key.policy)), ("PolicyName", .string(PutKeyPolicyRequest.policyName)),
        ])
    }
}

extension KeyRecord {
    /// `KeyMetadata` as KMS writes it: what does not apply is absent, not empty.
    package func metadata(account: String) -> JSONObject {
        var metadata = JSONObject([
            ("AWSAccountId", .string(account)),
            ("KeyId", .string(id)),
            ("Arn", .string(arn)),
            ("CreationDate", .epochSeconds(creationDate)),
            ("Enabled", .bool(state == .enabled)),
            ("Description", .string(description)),
            ("KeyUsage", .string(usage.rawValue)),
            ("KeyState", .string(state.rawValue)),
            ("Origin", .string(origin.kmsOrigin.rawValue)),
            ("KeyManager", "CUSTOMER"),
            ("CustomerMasterKeySpec", .string(spec.rawValue)),
            ("KeySpec", .string(spec.rawValue)),
            ("MultiRegion", false),
        ])
        let algorithms = algorithms
        metadata[algorithms.member] = .array(algorithms.names.map { .string($0) })
        if let deletionDate { metadata["DeletionDate"] = .epochSeconds(deletionDate) }
        if origin == .imported { metadata["ExpirationModel"] = "KEY_MATERIAL_DOES_NOT_EXPIRE" }
        if let keyMaterialID { metadata["CurrentKeyMaterialId"] = .string(keyMaterialID) }
        return metadata
    }

    /// Names the key material of a symmetric encryption key (64 hex digits); nil for others. Says nothing about it.
    var keyMaterialID: String? {
        guard spec == .symmetricDefault else { return nil }
        return Hex.encode(Hash.digest(.sha256, [UInt8]("key material 1 of \(arn)".utf8)))
    }

    /// What the key can do, and under which name KMS lists it.
    var algorithms: (member: String, names: [String]) {
        switch usage {
        case .signVerify: ("SigningAlgorithms", spec.signingAlgorithms.map(\.rawValue))
        case .encryptDecrypt: ("EncryptionAlgorithms", spec.encryptionAlgorithms.map(\.rawValue))
        case .generateVerifyMAC: ("MacAlgorithms", spec.macAlgorithms.map(\.rawValue))
        case .keyAgreement: ("KeyAgreementAlgorithms", ["ECDH"])
        }
    }
}
