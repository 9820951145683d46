// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import KMSProtocol

/// One request on its way through the checks: input, key, policy, key state, usage and algorithm, act.
struct Call {
    /// Without a prefix: `Sign`.
    let operation: String
    let caller: Caller
    let keys: KeyTable
    let circumstances: Circumstances

    /// The same request as one of the actions that it needs.
    func acting(as operation: String) -> Call {
        Call(operation: operation, caller: caller, keys: keys, circumstances: circumstances)
    }

    // MARK: Key, then policy

    /// The key that the request names in any form, if its policy lets the caller do this with it. `parameters` are the
    /// condition keys that come from the operation's parameters.
    func key(_ keyID: String, parameters: @autoclosure () -> [String: [String]] = [:]) throws(KMSError) -> KeyRecord {
        let (entry, alias) = try keys.entry(keyID)
        // They are made only if a policy looks at them.
        let parameters = caller.hasConditions(with: entry.policy) ? parameters() : [:]
        try authorize(entry, alias: alias, parameters: parameters)
        return entry.record
    }

    /// The same for operations that manage a key, which accept no alias.
    func managedKey(_ keyID: String, parameters: [String: [String]] = [:]) throws(KMSError) -> KeyRecord {
        let entry = try keys.entryByKeyID(keyID)
        try authorize(entry, alias: nil, parameters: parameters)
        return entry.record
    }

    func authorize(_ entry: KeyTable.Entry, alias: String?, parameters: [String: [String]]) throws(KMSError) {
        try AccessCheck(call: self, parameters: parameters).require(on: entry, alias: alias)
    }

    // MARK: Key state

    func requireEnabled(_ key: KeyRecord) throws(KMSError) {
        switch key.state {
        case .enabled: return
        case .disabled: throw .disabled(arn: key.arn)
        case .pendingDeletion: throw .pendingDeletion(arn: key.arn)
        }
    }

    /// For operations that a disabled key allows (Developer Guide, "Key states of AWS KMS keys").
    func requireNotPendingDeletion(_ key: KeyRecord) throws(KMSError) {
        guard key.state != .pendingDeletion else { throw .pendingDeletion(arn: key.arn) }
    }

    // MARK: Usage

    func requireUsage(_ usage: KeyUsage, of key: KeyRecord) throws(KMSError) {
        guard key.usage == usage else { throw .usageInvalid(arn: key.arn, usage: key.usage, operation: operation) }
    }
}
