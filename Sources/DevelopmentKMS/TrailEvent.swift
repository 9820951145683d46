// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService

/// One request as a CloudTrail record (CloudTrail User Guide, "CloudTrail record contents"; AWS KMS Developer Guide,
/// "Logging AWS KMS API calls with AWS CloudTrail"), so that what reads the one reads the other.
///
/// No plaintext, ciphertext, message, signature, MAC or document is ever in it: of the request only the members in
/// ``loggedMembers`` are.
struct TrailEvent {
    private static let version = "1.08"
    /// Bytes of requestParameters, beyond which CloudTrail leaves them out (User Guide: 100 KB).
    private static let maximumParameters = 100 * 1024
    /// Characters of a User-Agent (User Guide: 1 KB).
    private static let maximumUserAgent = 1024

    /// Members of requests that name things or parameters.
    private static let loggedMembers: Set<String> = [
        "KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId", "AliasName", "EncryptionContext",
        "SourceEncryptionContext", "DestinationEncryptionContext", "EncryptionAlgorithm", "SourceEncryptionAlgorithm",
        "DestinationEncryptionAlgorithm", "SigningAlgorithm", "MessageType", "MacAlgorithm", "NumberOfBytes", "KeySpec",
        "KeyUsage", "CustomerMasterKeySpec", "Origin", "Description", "MultiRegion", "Policy", "PolicyName",
        "BypassPolicyLockoutSafetyCheck", "PendingWindowInDays", "DryRun", "Limit", "Marker", "CustomKeyStoreId",
    ]

    /// The registers that CloudTrail shows, and as what.
    private static let registers = [
        (0, "attestationDocumentEnclaveImageDigest"), (1, "attestationDocumentEnclavePCR1"),
        (2, "attestationDocumentEnclavePCR2"), (3, "attestationDocumentEnclavePCR3"),
        (4, "attestationDocumentEnclavePCR4"), (8, "attestationDocumentEnclavePCR8"),
    ]

    let record: RequestRecord
    let account: String
    let region: String
    let eventID: String

    /// One line, without its end.
    var line: [UInt8] { JSON.object(object).serialized() }

    private var object: JSONObject {
        var event = JSONObject([
            ("eventVersion", .string(Self.version)),
            ("userIdentity", .object(identity)),
            // CloudTrail's times are whole seconds.
            ("eventTime", .string(Timestamp(seconds: record.time.seconds).rfc3339)),
            ("eventSource", "kms.amazonaws.com"),
            ("eventName", .string(record.operation ?? "Unknown")),
            ("awsRegion", .string(region)),
            ("userAgent", record.userAgent.map { .string(Self.bounded($0, Self.maximumUserAgent)) } ?? .null),
        ])
        if let error = record.error {
            event["errorCode"] = .string(error.name == "AccessDeniedException" ? "AccessDenied" : error.name)
            if let message = error.message { event["errorMessage"] = .string(message) }
        }
        event["requestParameters"] = parameters
        event["responseElements"] = responseElements
        if let data = additionalData { event["additionalEventData"] = .object(data) }
        event["requestID"] = .string(record.requestID)
        event["eventID"] = .string(eventID)
        event["readOnly"] = .bool(!KeyService.changeOperations.contains(record.operation ?? ""))
        if !record.resources.isEmpty { event["resources"] = .array(record.resources.map(resource)) }
        event["eventType"] = "AwsApiCall"
        event["managementEvent"] = true
        event["recipientAccountId"] = .string(account)
        event["eventCategory"] = "Management"
        return event
    }

    private var identity: JSONObject {
        guard let caller = record.caller else { return JSONObject([("type", "Unknown")]) }
        let resource = caller.arn.split(separator: ":", maxSplits: 5).last.map(String.init) ?? ""
        let path = resource.split(separator: "/")
        var identity = JSONObject()
        switch path.first {
        case "root": identity["type"] = "Root"
        case "user": identity["type"] = "IAMUser"
        case "assumed-role": identity["type"] = "AssumedRole"
        case "role": identity["type"] = "Role"
        default: identity["type"] = "Unknown"
        }
        identity["arn"] = .string(caller.arn)
        identity["accountId"] = .string(caller.account)
        identity["accessKeyId"] = .string(caller.accessKeyID)
        if path.first == "user", path.count > 1, let name = path.last { identity["userName"] = .string(String(name)) }
        return identity
    }

    private var parameters: JSON {
        guard let input = record.input else { return .null }
        var parameters = JSONObject()
        for member in input.members where Self.loggedMembers.contains(member.name) {
            guard let value = Self.plain(member.value) else { continue }
            parameters[Self.lowerFirst(member.name)] = value
        }
        guard !parameters.members.isEmpty else { return .null }
        let size = JSON.object(parameters).serialized().count
        guard size <= Self.maximumParameters else {
            return ["omitted": true, "originalSize": .number(JSONNumber(Int64(size))), "reason": "too large"]
        }
        return .object(parameters)
    }

    /// The metadata of a new key, the key of a deletion; otherwise null, as for most operations of KMS.
    private var responseElements: JSON {
        switch record.operation {
        case "CreateKey":
            guard let metadata = record.output?["KeyMetadata"]?.object else { return .null }
            return ["keyMetadata": .object(Self.lowerFirst(metadata))]
        case "ScheduleKeyDeletion", "CancelKeyDeletion":
            return record.output.map { .object(Self.lowerFirst($0)) } ?? .null
        default: return .null
        }
    }

    private var additionalData: JSONObject? {
        var data = JSONObject()
        if let attested = record.recipient {
            var recipient = JSONObject([("attestationDocumentModuleId", .string(attested.moduleID))])
            for (index, name) in Self.registers {
                // The guide's examples show hex, the events that AWS writes base64.
                if let value = attested.pcrs[index] { recipient[name] = .blob(value) }
            }
            data["recipient"] = .object(recipient)
        }
        if let failure = record.injectedFailure { data["injectedFailure"] = .string(failure) }
        return data.members.isEmpty ? nil : data
    }

    private func resource(_ arn: String) -> JSON {
        let parsed = KMSARN(arn)
        var type = "AWS::KMS::Key"
        if case .alias? = parsed?.resource { type = "AWS::KMS::Alias" }
        return ["accountId": .string(parsed?.account ?? account), "type": .string(type), "ARN": .string(arn)]
    }

    // MARK: Values

    /// Scalars, and the flat objects that encryption contexts are.
    private static func plain(_ value: JSON) -> JSON? {
        switch value {
        case .string, .number, .bool: return value
        case .object(let object):
            return object.members.allSatisfy { $0.value.string != nil } ? value : nil
        case .array, .null: return nil
        }
    }

    private static func lowerFirst(_ object: JSONObject) -> JSONObject {
        JSONObject(object.members.map { (lowerFirst($0.name), $0.value) })
    }

    /// `keyId` for `KeyId`; `aWSAccountId` for `AWSAccountId`, as CloudTrail has it.
    private static func lowerFirst(_ name: String) -> String { name.prefix(1).lowercased() + name.dropFirst() }

    private static func bounded(_ text: String, _ count: Int) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(count)))
    }
}
