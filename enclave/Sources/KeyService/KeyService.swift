// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding
package import KMSProtocol

/// The KMS API's semantics over a table of keys: written once, for the enclave and for the development KMS.
///
/// It holds no state. Reading operations answer from a table; changing ones return the table that replaces it, so that
/// the caller decides when the change is made (stored, acknowledged) or dropped.
package struct KeyService: Sendable {
    package let account: String
    package let region: String
    /// Operations that ``answer(_:_:caller:keys:circumstances:)`` and ``change(_:_:caller:keys:circumstances:)`` know.
    package let operations: Set<String>
    /// Whether a secret in clear needs TLS that ends in this process. The development KMS alone does without.
    let plaintextNeedsTLS: Bool
    let random: RandomSource
    /// Names new keys; nil: at random.
    let keyIDs: KeyIDSource?

    /// A service that offers `operations`: some of ``readOperations``, ``encryptionOperations``, ``randomOperation`` and
    /// ``changeOperations``. Any other is `UnknownOperationException`; one that encrypts, an error that says what does here.
    package init(
        account: String,
        region: String,
        operations: Set<String> = readOperations,
        plaintextNeedsTLS: Bool = true,
        random: @escaping RandomSource = SecureRandom.bytes,
        keyIDs: KeyIDSource? = nil
    ) {
        self.account = account
        self.region = region
        self.operations = operations
        self.plaintextNeedsTLS = plaintextNeedsTLS
        self.random = random
        self.keyIDs = keyIDs
    }

    /// Gives the id of the next key: one that no key has.
    package typealias KeyIDSource = @Sendable () throws(CryptographyError) -> String

    /// Operations that read keys, change nothing and yield no secret.
    package static let readOperations: Set<String> = [
        "Sign", "Verify", "GenerateMac", "VerifyMac", "GetPublicKey", "DescribeKey", "GetKeyPolicy", "ListAliases",
        "ListKeys", "ListKeyPolicies", "ListResourceTags",
    ]

    /// Operations that change nothing and whose requests or responses hold secrets.
    package static let encryptionOperations: Set<String> = [
        "Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt",
    ]

    /// Changes nothing, needs no key, and yields a secret.
    package static let randomOperation = "GenerateRandom"

    /// Operations that change keys.
    package static let changeOperations: Set<String> = [
        "CreateKey", "CreateAlias", "UpdateAlias", "DeleteAlias", "PutKeyPolicy", "EnableKey", "DisableKey",
        "ScheduleKeyDeletion", "CancelKeyDeletion", "UpdateKeyDescription", "TagResource", "UntagResource",
    ]

    /// Answers one of the operations that change nothing: `operation` is the bare name (`Sign`), `input` the request's
    /// JSON. Order of checks as in KMS: input, key, policy, key state, usage and algorithm, then the act.
    package func answer(
        _ operation: String,
        _ input: JSONObject,
        caller: Caller,
        keys: KeyTable,
        circumstances: Circumstances
    ) throws(KMSError) -> JSONObject {
        guard operations.contains(operation) else {
            throw Self.encryptionOperations.contains(operation) ? .notOffered(operation) : .unknownOperation
        }
        let call = Call(operation: operation, caller: caller, keys: keys, circumstances: circumstances)
        switch operation {
        case "Sign": return try sign(SignRequest(input), call)
        case "Verify": return try verify(VerifyRequest(input), call)
        case "GenerateMac": return try generateMAC(GenerateMacRequest(input), call)
        case "VerifyMac": return try verifyMAC(VerifyMacRequest(input), call)
        case "GetPublicKey": return try getPublicKey(GetPublicKeyRequest(input), call)
        case "DescribeKey": return try describeKey(DescribeKeyRequest(input), call)
        case "ListAliases": return try listAliases(ListAliasesRequest(input), call)
        case "ListKeys": return try listKeys(ListKeysRequest(input), call)
        case "GetKeyPolicy": return try getKeyPolicy(GetKeyPolicyRequest(input), call)
        case "ListKeyPolicies": return try listKeyPolicies(ListKeyPoliciesRequest(input), call)
        case "ListResourceTags": return try listResourceTags(ListResourceTagsRequest(input), call)
        case "Encrypt": return try encrypt(EncryptRequest(input), call)
        case "Decrypt": return try decrypt(DecryptRequest(input), call)
        case "GenerateDataKey": return try generateDataKey(GenerateDataKeyRequest(input), call)
        case Self.randomOperation: return try generateRandom(GenerateRandomRequest(input), call)
        case "GenerateDataKeyWithoutPlaintext":
            // It has no Recipient, and unknown members are ignored.
            var input = input
            input["Recipient"] = nil
            return try generateDataKeyWithoutPlaintext(GenerateDataKeyRequest(input), call)
        case "ReEncrypt": return try reEncrypt(ReEncryptRequest(input), call)
        default: throw .unknownOperation
        }
    }

    /// Makes one of ``changeOperations`` on a copy: the table as it is to be, and the response (nil: an empty body).
    ///
    /// Not for an event loop: `CreateKey` may take seconds.
    package func change(
        _ operation: String,
        _ input: JSONObject,
        caller: Caller,
        keys: KeyTable,
        circumstances: Circumstances
    ) throws(KMSError) -> (keys: KeyTable, output: JSONObject?) {
        guard operations.contains(operation) else { throw .unknownOperation }
        let call = Call(operation: operation, caller: caller, keys: keys, circumstances: circumstances)
        switch operation {
        case "CreateKey": return try createKey(CreateKeyRequest(input), call)
        case "CreateAlias": return (try createAlias(AliasTargetRequest(input), call), nil)
        case "UpdateAlias": return (try updateAlias(AliasTargetRequest(input), call), nil)
        case "DeleteAlias": return (try deleteAlias(DeleteAliasRequest(input), call), nil)
        case "EnableKey": return (try enableKey(KeyLifecycleRequest(input), call), nil)
        case "DisableKey": return (try disableKey(KeyLifecycleRequest(input), call), nil)
        case "ScheduleKeyDeletion": return try scheduleKeyDeletion(ScheduleKeyDeletionRequest(input), call)
        case "CancelKeyDeletion": return try cancelKeyDeletion(KeyLifecycleRequest(input), call)
        case "UpdateKeyDescription":
            return (try updateKeyDescription(UpdateKeyDescriptionRequest(input), call), nil)
        case "TagResource": return (try tagResource(TagResourceRequest(input), call), nil)
        case "UntagResource": return (try untagResource(UntagResourceRequest(input), call), nil)
        case "PutKeyPolicy": return (try putKeyPolicy(PutKeyPolicyRequest(input), call), nil)
        default: throw .unknownOperation
        }
    }
}

extension KMSError {
    /// An operation whose answer holds a secret, or its request (`enters`), over a connection that others can read.
    package static func secretNeedsTLS(_ operation: String, enters: Bool = false) -> KMSError {
        KMSError(
            "UnsupportedOperationException",
            "\(operation) \(enters ? "takes a secret, which enters" : "answers with a secret, which leaves") this service "
                + "only over TLS that ends inside it: set ingress.tls in the broker's configuration, and connect with "
                + "https."
        )
    }

    /// An operation of KMS in whose place a broker has its own.
    fileprivate static func notOffered(_ operation: String) -> KMSError {
        KMSError(
            "UnsupportedOperationException",
            "\(operation) of KMS is not offered: this service encrypts by KeyBroker.Encrypt and KeyBroker.Decrypt, "
                + "over TLS that ends inside it."
        )
    }

    /// The cryptographic library refused what cannot depend on input.
    static let cryptographyFailed = KMSError("KMSInternalException", "A cryptographic operation failed.")
}
