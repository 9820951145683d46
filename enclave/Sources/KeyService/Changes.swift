// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
package import Cryptography
import Encoding
import KMSProtocol

extension KeyService {
    func createKey(_ request: CreateKeyRequest, _ call: Call) throws(KMSError) -> (keys: KeyTable, output: JSONObject?)
    {
        var parameters = Self.conditionKeys(of: request.tags)
        parameters["kms:KeySpec"] = [request.keySpec.rawValue]
        parameters["kms:KeyUsage"] = [request.keyUsage.rawValue]
        parameters["kms:KeyOrigin"] = [request.origin.rawValue]
        parameters["kms:MultiRegion"] = [request.multiRegion ? "true" : "false"]
        parameters["kms:BypassPolicyLockoutSafetyCheck"] = [request.bypassPolicyLockoutSafetyCheck ? "true" : "false"]
        try AccessCheck(call: call, parameters: parameters).require(ownedBy: call.keys.account)
        if !request.tags.isEmpty {
            // "To use this parameter, you must have kms:TagResource permission in an IAM policy" (API Reference).
            try AccessCheck(call: call.acting(as: "TagResource"), parameters: Self.conditionKeys(of: request.tags))
                .require(ownedBy: call.keys.account)
        }
        guard request.origin == .awsKMS, request.customKeyStoreID == nil, request.xksKeyID == nil else {
            throw KMSError(
                "UnsupportedOperationException",
                "Keys of origin \(request.origin.rawValue) are not supported."
            )
        }
        guard !request.multiRegion else {
            throw KMSError("UnsupportedOperationException", "Multi-Region keys are not supported.")
        }

        let id: String
        let material: KeyRecord.Material
        do {
            id = try keyIDs?() ?? Self.makeKeyID(random)
            material = try request.keySpec.makeMaterial()
        } catch {
            throw .cryptographyFailed
        }
        let key = KeyRecord(
            id: id,
            arn: call.keys.keyARN(id),
            spec: request.keySpec,
            usage: request.keyUsage,
            description: request.description,
            creationDate: call.circumstances.now,
            tags: request.tags,
            policy: request.policy ?? Self.defaultKeyPolicy(account: call.keys.account, partition: call.keys.partition),
            origin: .inside,
            material: material
        )
        try checkPolicy(of: key, bypassingLockoutCheck: request.bypassPolicyLockoutSafetyCheck, call)
        return (
            try table { () throws(KeyTableError) in try call.keys.adding(key) },
            JSONObject([("KeyMetadata", .object(key.metadata(account: call.keys.account)))])
        )
    }

    func putKeyPolicy(_ request: PutKeyPolicyRequest, _ call: Call) throws(KMSError) -> KeyTable {
        let bypasses = request.bypassPolicyLockoutSafetyCheck
        var key = try call.managedKey(
            request.keyID,
            parameters: ["kms:BypassPolicyLockoutSafetyCheck": [bypasses ? "true" : "false"]]
        )
        key.policy = request.policy
        try checkPolicy(of: key, bypassingLockoutCheck: bypasses, call)
        return try replacing(key, in: call.keys)
    }

    // MARK: Key policies

    /// The policy of a key that was made without one (Developer Guide, "Default key policy when you create a KMS key
    /// programmatically"): the account, through its IAM policies.
    package static func defaultKeyPolicy(account: String, partition: String = "aws") -> String {
        let statement: JSON = [
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": ["AWS": .string("arn:\(partition):iam::\(account):root")],
            "Action": "kms:*",
            "Resource": "*",
        ]
        let policy: JSON = ["Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]]
        return String(decoding: policy.serialized(), as: UTF8.self)
    }

    /// A policy must parse, and must let the caller put the next one, unless the caller waives that.
    private func checkPolicy(of key: KeyRecord, bypassingLockoutCheck: Bool, _ call: Call) throws(KMSError) {
        let policy: PolicyDocument
        do {
            policy = try PolicyDocument([UInt8](key.policy.utf8), kind: .key)
        } catch {
            throw KMSError("MalformedPolicyDocumentException", error.description)
        }
        guard !bypassingLockoutCheck else { return }
        let next = AccessCheck(
            action: "kms:PutKeyPolicy",
            caller: call.caller,
            circumstances: call.circumstances,
            parameters: ["kms:BypassPolicyLockoutSafetyCheck": ["false"]]
        )
        guard next.isAllowed(on: key, policy: policy) else {
            throw KMSError(
                "MalformedPolicyDocumentException",
                "The new key policy will not allow you to update the key policy in the future."
            )
        }
    }

    // MARK: The new table

    func replacing(_ key: KeyRecord, in keys: KeyTable) throws(KMSError) -> KeyTable {
        try table { () throws(KeyTableError) in try keys.replacing(key) }
    }

    /// Whatever makes a table impossible was checked before.
    private func table(_ make: () throws(KeyTableError) -> KeyTable) throws(KMSError) -> KeyTable {
        do { return try make() } catch { throw KMSError("KMSInternalException", "\(error)") }
    }

    /// A random UUID (RFC 9562, version 4) in lower case: what names keys.
    package static func makeKeyID(_ random: RandomSource = SecureRandom.bytes) throws(CryptographyError) -> String {
        var bytes = try random(16)
        guard bytes.count == 16 else { throw CryptographyError(.invalidLength) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let groups = [bytes[0..<4], bytes[4..<6], bytes[6..<8], bytes[8..<10], bytes[10..<16]]
        return groups.map { Hex.encode($0) }.joined(separator: "-")
    }
}
