// SPDX-License-Identifier: Apache-2.0

import KMSProtocol

// Each operation on an alias needs its permission twice: on the alias, which only IAM policies give, and on the keys that
// it names (Developer Guide, "Controlling access to aliases").

extension KeyService {
    func createAlias(_ request: AliasTargetRequest, _ call: Call) throws(KMSError) -> KeyTable {
        let entry = try call.keys.entryByKeyID(request.targetKeyID)
        try authorizeAlias(request.aliasName, call)
        try call.authorize(entry, alias: nil, parameters: [:])
        var key = entry.record
        try call.requireNotPendingDeletion(key)
        guard !call.keys.hasAlias(request.aliasName) else {
            throw KMSError(
                "AlreadyExistsException",
                "An alias with the name \(call.keys.aliasARN(request.aliasName)) already exists"
            )
        }
        try requireRoom(key)
        let now = call.circumstances.now
        key.aliases.append(.init(name: request.aliasName, creationDate: now, lastUpdatedDate: now))
        return try replacing(key, in: call.keys)
    }

    /// The key that loses the alias may be in any state, the one that gets it not in `PendingDeletion` (Developer Guide,
    /// "Key states of AWS KMS keys").
    func updateAlias(_ request: AliasTargetRequest, _ call: Call) throws(KMSError) -> KeyTable {
        let current = try call.keys.entry(alias: request.aliasName)
        let target = try call.keys.entryByKeyID(request.targetKeyID)
        try authorizeAlias(request.aliasName, call)
        try call.authorize(current, alias: nil, parameters: [:])
        try call.authorize(target, alias: nil, parameters: [:])
        try call.requireNotPendingDeletion(target.record)
        try requireSameKind(current.record, target.record)

        var loser = current.record
        guard let index = loser.aliases.firstIndex(where: { $0.name == request.aliasName }) else {
            throw .aliasNotFound(arn: call.keys.aliasARN(request.aliasName))
        }
        var alias = loser.aliases.remove(at: index)
        alias.lastUpdatedDate = call.circumstances.now
        let keys = try replacing(loser, in: call.keys)
        var winner = loser.id == target.record.id ? loser : target.record
        try requireRoom(winner)
        winner.aliases.append(alias)
        return try replacing(winner, in: keys)
    }

    func deleteAlias(_ request: DeleteAliasRequest, _ call: Call) throws(KMSError) -> KeyTable {
        let entry = try call.keys.entry(alias: request.aliasName)
        try authorizeAlias(request.aliasName, call)
        try call.authorize(entry, alias: nil, parameters: [:])
        var key = entry.record
        key.aliases.removeAll { $0.name == request.aliasName }
        return try replacing(key, in: call.keys)
    }

    private func requireRoom(_ key: KeyRecord) throws(KMSError) {
        guard key.aliases.count < KMSLimits.aliasesPerKey else {
            throw KMSError(
                "LimitExceededException",
                "\(key.arn) has \(KMSLimits.aliasesPerKey) aliases, the most of a key."
            )
        }
    }

    private func authorizeAlias(_ name: String, _ call: Call) throws(KMSError) {
        try AccessCheck(call: call).require(onResource: call.keys.aliasARN(name), ownedBy: call.keys.account)
    }

    /// "The current and new KMS key must be the same type (both symmetric or both asymmetric or both HMAC), and they must
    /// have the same key usage" (API Reference, UpdateAlias). AWS's text for it is not known.
    private func requireSameKind(_ current: KeyRecord, _ target: KeyRecord) throws(KMSError) {
        guard current.usage == target.usage, current.spec.isAsymmetric == target.spec.isAsymmetric else {
            throw .validation("\(target.arn) is of another type or key usage than \(current.arn).")
        }
    }
}
