// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import ArgumentParser
import Encoding

/// A request that nobody made, to ask policies about.
struct SimulatedRequest: Sendable {
    var principal: String
    var action: String
    /// Nil: `*`, in the principal's account.
    var resource: String?
    /// Condition keys with their values; an empty list removes one that would be there by itself.
    var conditions: [String: [String]] = [:]
    /// Of an attestation document.
    var pcrs: [Int: [UInt8]]?

    /// What follows from the principal is there by itself, and so are the time and `aws:SecureTransport` (KMS answers over
    /// TLS only).
    func accessRequest(at now: Timestamp) throws(CommandFailure) -> AccessRequest {
        let account = Self.account(of: principal)
        let identity = CallerIdentity(arn: principal, account: account)
        guard identity.isNamed else {
            throw .usage("\(Console.printable(principal)): not the ARN of an account root, user, role or role session")
        }
        let parts = action.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), !action.contains("*"), !action.contains("?") else {
            throw .usage("\(Console.printable(action)): not an action such as kms:Decrypt")
        }
        guard resource.map({ $0 == "*" || $0.hasPrefix("arn:") }) ?? true else {
            throw .usage("\(Console.printable(resource ?? "")): not * or an ARN")
        }
        let owner = resource.map(Self.account) ?? ""
        var keys = identity.conditionKeys
        keys["aws:CurrentTime"] = [now.rfc3339]
        keys["aws:EpochTime"] = [String(now.seconds)]
        keys["aws:SecureTransport"] = ["true"]
        // Other operations ignore a Recipient.
        if let pcrs, AttestedOperations.contains(action) {
            keys.merge(RequestConditionKeys.recipient(pcrs: pcrs)) { $1 }
        }
        for (name, values) in conditions {
            // Names have no case: what is given replaces what is there by itself.
            for known in keys.keys where known.lowercased() == name.lowercased() { keys[known] = nil }
            if !values.isEmpty { keys[name] = values }
        }
        return AccessRequest(
            principal: principal,
            principalAccount: account,
            identity: identity,
            action: action,
            resource: resource ?? "*",
            resourceAccount: owner.isEmpty ? account : owner,
            conditionKeys: keys
        )
    }

    /// The fifth field of an ARN; empty if there is none.
    private static func account(of arn: String) -> String {
        let fields = arn.split(separator: ":", omittingEmptySubsequences: false)
        return fields.count > 5 ? String(fields[4]) : ""
    }
}

/// Condition keys, as flags.
struct ConditionOptions: ParsableArguments {
    @Option(
        name: .customLong("condition"),
        help: ArgumentHelp(
            "A condition key of the request. May be repeated; one key again adds a value, NAME= alone removes it.",
            valueName: "NAME=VALUE"
        )
    )
    var conditions: [String] = []

    func values() throws(CommandFailure) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for text in conditions {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, parts[0].contains(":") else {
                throw .usage("--condition \(Console.printable(text)): expected NAME=VALUE, such as kms:MessageType=RAW")
            }
            result[parts[0], default: []] += parts[1].isEmpty ? [] : [parts[1]]
        }
        return result
    }
}
