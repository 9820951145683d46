// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService

/// A change that somebody asks for, authenticated and not yet authorised: that happens on the version that it changes.
struct ChangeRequest: Sendable {
    enum Operation: Sendable {
        /// One of ``KeyService/changeOperations``.
        case kms(String)
        case principal(PrincipalChange)
    }

    let operation: Operation
    let input: JSONObject
    let sender: Authenticated
    let isSecureTransport: Bool

    /// For log lines.
    var name: String {
        switch operation {
        case .kms(let name): name
        case .principal(let change): change.operation.rawValue
        }
    }

    /// What is changed, under a name of its own: a later change of it makes earlier ones void. Creation is a resource
    /// too, because nothing else ties a request to what it made. Nil: the request names nothing that is there.
    func resource(in unlocked: Unlocked) -> String? {
        switch operation {
        case .kms("CreateKey"): return "keys"
        case .kms("CreateAlias"), .kms("UpdateAlias"), .kms("DeleteAlias"): return input["AliasName"]?.string
        case .kms: return input["KeyId"]?.string.flatMap { try? unlocked.keys.resolve($0).key.arn }
        case .principal(let change): return change.resource(input, unlocked)
        }
    }
}

/// What a change comes to.
struct PlannedChange: Sendable {
    var keys: KeyTable
    /// Nil: as they were.
    var principals: PrincipalsChange?
    /// Nil: an empty body.
    var output: JSONObject?
}
