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
