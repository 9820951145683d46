// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol

extension KeyService {
    /// A tag whose key is there already gets the new value (API Reference, TagResource).
    func tagResource(_ request: TagResourceRequest, _ call: Call) throws(KMSError) -> KeyTable {
        var key = try call.managedKey(request.keyID, parameters: Self.conditionKeys(of: request.tags))
        try call.requireNotPendingDeletion(key)
        for tag in request.tags {
            key.tags.removeAll { KeyTag.isSameKey($0.key, tag.key) }
            key.tags.append(tag)
        }
        guard key.tags.count <= KMSLimits.tags else { throw .tooManyTags }
        return try replacing(key, in: call.keys)
    }

    /// Keys of tags that are not there are no error (API Reference, UntagResource).
    func untagResource(_ request: UntagResourceRequest, _ call: Call) throws(KMSError) -> KeyTable {
        var key = try call.managedKey(
            request.keyID,
            parameters: request.tagKeys.isEmpty ? [:] : ["aws:TagKeys": request.tagKeys]
        )
        try call.requireNotPendingDeletion(key)
        key.tags.removeAll { tag in request.tagKeys.contains { KeyTag.isSameKey($0, tag.key) } }
        return try replacing(key, in: call.keys)
    }

    func listResourceTags(_ request: ListResourceTagsRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let key = try call.managedKey(request.keyID)
        let page = try Page(of: key.tags, limit: request.limit, after: request.marker) { $0.key }
        return page.output(as: "Tags") { ["TagKey": .string($0.key), "TagValue": .string($0.value)] }
    }

    /// `aws:RequestTag/KEY` and `aws:TagKeys` (Developer Guide, "ABAC for AWS KMS").
    static func conditionKeys(of tags: [KeyTag]) -> [String: [String]] {
        var keys: [String: [String]] = [:]
        for tag in tags { keys["aws:RequestTag/\(tag.key)"] = [tag.value] }
        if !tags.isEmpty { keys["aws:TagKeys"] = tags.map(\.key) }
        return keys
    }
}
