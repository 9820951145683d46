// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol

// Lists have no key as resource: IAM policies alone decide (Developer Guide, "AWS KMS permissions").

extension KeyService {
    func listAliases(_ request: ListAliasesRequest, _ call: Call) throws(KMSError) -> JSONObject {
        try AccessCheck(call: call).require(ownedBy: call.keys.account)
        let only = try request.keyID.map { id throws(KMSError) in [try call.keys.entryByKeyID(id).record] }
        let aliases = (only ?? call.keys.keys).flatMap { key in key.aliases.map { (alias: $0, key: key) } }
        let page = try Page(of: aliases, limit: request.limit, after: request.marker) { $0.alias.name }
        return page.output(as: "Aliases") { alias, key in
            [
                "AliasName": .string(alias.name),
                "AliasArn": .string(call.keys.aliasARN(alias.name)),
                "TargetKeyId": .string(key.id),
                "CreationDate": .epochSeconds(alias.creationDate),
                "LastUpdatedDate": .epochSeconds(alias.lastUpdatedDate),
            ]
        }
    }

    func listKeys(_ request: ListKeysRequest, _ call: Call) throws(KMSError) -> JSONObject {
        try AccessCheck(call: call).require(ownedBy: call.keys.account)
        let page = try Page(of: call.keys.keys, limit: request.limit, after: request.marker) { $0.id }
        return page.output(as: "Keys") { key in ["KeyId": .string(key.id), "KeyArn": .string(key.arn)] }
    }
}

/// One page of a list in the order of its names. The marker is the last name of the page before, so that it holds
/// although elements come and go.
private struct Page<Element> {
    private let elements: ArraySlice<Element>
    private let nextMarker: String?

    init(
        of list: [Element],
        limit: Int,
        after marker: String?,
        name: (Element) -> String
    ) throws(KMSError) {
        var remaining = list.sorted { name($0) < name($1) }[...]
        if let marker {
            guard let bytes = try? Base64.decode(marker), let last = String(validating: bytes, as: UTF8.self) else {
                throw KMSError("InvalidMarkerException", "Could not deserialize marker '\(marker)'")
            }
            remaining = remaining.drop { name($0) <= last }
        }
        elements = remaining.prefix(limit)
        nextMarker =
            elements.count < remaining.count ? elements.last.map { Base64.encode(name($0).utf8) } : nil
    }

    func output(as member: String, _ json: (Element) -> JSON) -> JSONObject {
        var output = JSONObject([
            (member, .array(elements.map(json))), ("Truncated", .bool(nextMarker != nil)),
        ])
        if let nextMarker { output["NextMarker"] = .string(nextMarker) }
        return output
    }
}
