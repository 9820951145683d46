// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import AuditTrail
import Encoding
import KMSProtocol

extension KeyRotation {
    /// How far the clock of a client that the broker serves may be ahead: the time of its records is its own, and what it
    /// signed with the old key just before the switch stays valid (SigV4's tolerance, five minutes).
    private static let clockTolerance: Int64 = 300_000

    // MARK: 3. The new key, tried

    func tryNewKey(_ journal: inout RotationJournal) async throws(CommandFailure) -> String {
        _ = try await requireAlias(names: try journal.fact(Fact.oldKey))
        let registry = try unchangedRegistry(journal)
        let record = try TestRecord(self, id: journal.rotation, registry: registry)
        try await record.check(
            key: try journal.fact(Fact.newKey),
            signer: try journal.fact(Fact.newSigner),
            isAttested: true
        )
        // Of several entries for one key, some may have ended.
        let now = SystemClock.now()
        guard let old = oldSigners(journal).first(where: { registry[$0]?.refusal(at: now) == nil }) else {
            throw .failed(
                "\(self.registry.path): the old signer has ended there: what \(alias) signs now counts nowhere"
            )
        }
        try await record.check(key: alias, signer: old)
        return "records of both keys verify under \(self.registry.path)"
    }

    // MARK: 4. The alias

    func change(_ journal: inout RotationJournal) async throws(CommandFailure) -> String {
        let newARN = try journal.fact(Fact.newKey)
        let registry = try unchangedRegistry(journal)
        let new = try await KeyFacts.of(newARN, session)
        try new.requireSigning()
        let now = try await KeyFacts.of(alias, session)
        // An earlier run of this very step may have moved it.
        if now.arn != newARN {
            let old = try await requireAlias(names: try journal.fact(Fact.oldKey))
            let policy = try await KeyFacts.policy(new.id, session)
            try await requireNobodyLoses(old: old, newARN: newARN, spec: new.spec, policy: policy)
            _ = try await session.kms(
                "UpdateAlias",
                JSONObject([("AliasName", .string(alias)), ("TargetKeyId", .string(new.id))])
            )
        }
        _ = try await requireAlias(names: newARN)
        let record = try TestRecord(self, id: journal.rotation, registry: registry)
        try await record.check(key: alias, signer: try journal.fact(Fact.newSigner), isAttested: true)
        return "\(alias) names \(newARN), and its signature verifies"
    }

    // MARK: 5. The old signer

    func retire(_ journal: inout RotationJournal) async throws(CommandFailure) -> String {
        _ = try await requireAlias(names: try journal.fact(Fact.newKey))
        guard let switched = journal.finished(Step.change) else { throw .failed("the journal lacks the switch") }
        let end = switched.advanced(byMilliseconds: Self.clockTolerance)
        let lock = try RotationFile(locking: registry.path)
        defer { withExtendedLifetime(lock) {} }
        let before = try registry.read()
        let ids = oldSigners(journal)
        let known = journal.facts[Fact.registry]?.object ?? JSONObject()
        // What an earlier run of this step has written is not somebody else's change.
        var others = known
        for id in ids where before[id]?.notAfter == end { others[id] = nil }
        try registry.require(others, in: before)
        let after = RotationRegistry.ending(ids, at: end, in: before)
        for id in ids {
            guard let old = before[id], let new = after[id],
                old.refusal(at: switched) != nil || new.refusal(at: switched) == nil
            else {
                throw .failed("\(Console.printable(id)): records signed before the switch would not be valid any more")
            }
        }
        if RotationRegistry.fingerprints(after) != RotationRegistry.fingerprints(before) { try registry.write(after) }
        journal.facts[Fact.registry] = .object(RotationRegistry.fingerprints(after))
        journal.facts[Fact.notAfter] = .string(end.rfc3339)
        let record = try TestRecord(self, id: journal.rotation, registry: try registry.read())
        try await record.check(key: alias, signer: try journal.fact(Fact.newSigner), isAttested: true)
        return "\(ids.map { Console.printable($0) }.joined(separator: ", ")) until \(end.rfc3339)"
    }

    // MARK: 6. The old key

    func disable(_ journal: inout RotationJournal) async throws(CommandFailure) -> String {
        let oldARN = try journal.fact(Fact.oldKey)
        let old = try await KeyFacts.of(oldARN, session)
        guard let aliases = old.aliases else {
            throw .failed(
                "whether an alias still names \(oldARN) is not to be seen: allow kms:ListAliases to the caller"
            )
        }
        guard aliases.isEmpty else {
            throw .failed("\(oldARN): \(old.aliases?.joined(separator: ", ") ?? "") still names it: programs use it")
        }
        switch old.state {
        case "Disabled", "PendingDeletion": return "\(oldARN) was \(old.state) already"
        default: break
        }
        _ = try await session.kms("DisableKey", JSONObject([("KeyId", .string(old.id))]))
        let state = try await KeyFacts.of(oldARN, session).state
        guard state == "Disabled" else { throw .failed("\(oldARN): is \(state) after DisableKey") }
        try await requireSilence(of: old)
        return "\(oldARN) signs nothing any more; keybroker key enable would undo it"
    }

    private func requireSilence(of key: KeyFacts) async throws(CommandFailure) {
        guard let algorithm = KeySpec(rawValue: key.spec)?.signingAlgorithms.last else { return }
        var input = try SignatureJob(key: key.id, algorithm: algorithm.rawValue, message: [0], digest: nil).input
        input["DryRun"] = true
        let answer = try await session.kms(
            "Sign",
            input,
            answeredBy: ["DisabledException", "DryRunOperationException", "AccessDeniedException"]
        )
        guard case .failure(let error) = answer, error.name != "DryRunOperationException" else {
            throw .failed("\(key.arn): is disabled, and would sign all the same")
        }
    }

    // MARK: Pieces

    /// The registry, if its entries are as this rotation left them.
    func unchangedRegistry(_ journal: RotationJournal) throws(CommandFailure) -> SignerRegistry {
        let registry = try registry.read()
        try self.registry.require(journal.facts[Fact.registry]?.object ?? JSONObject(), in: registry)
        return registry
    }

    /// Refuses a change after which a principal that signs through the alias could not.
    func requireNobodyLoses(old: KeyFacts, newARN: String, spec: String, policy: String) async throws(CommandFailure) {
        guard let permissions = try await BrokerPermissions.read(session) else { return }
        let question = SigningQuestion(alias: alias, usage: old.usage, tags: try await KeyFacts.tags(old.id, session))
        let source = try PolicySourceFile.source(Array(policy.utf8), kind: .key, name: "the key's policy")
        var losers: [String] = []
        for principal in permissions.principals {
            let had = try question.isAllowed(principal, key: old.arn, spec: old.spec, policy: source)
            let has = try question.isAllowed(principal, key: newARN, spec: spec, policy: source)
            if had, !has { losers.append("\(principal.text("Arn")) (\(principal.text("AccessKeyId")))") }
        }
        guard losers.isEmpty else {
            throw .failed(
                "may sign through \(alias) now, and could not with the new key: \(losers.joined(separator: ", ")). Policies that name the old key's ARN: let them name keys by kms:ResourceAliases, or both keys (keybroker principal policy put)"
            )
        }
    }
}
