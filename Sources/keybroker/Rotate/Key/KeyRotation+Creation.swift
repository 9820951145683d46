// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import KMSProtocol

extension KeyRotation {
    // MARK: 1. The new key

    func create(_ journal: inout RotationJournal) async throws(CommandFailure) -> String {
        let oldARN = try journal.fact(Fact.oldKey)
        let old = try await requireAlias(names: oldARN)
        try old.requireSigning()
        try await checkOldSigner(&journal, old)
        let policy = try await KeyFacts.policy(old.id, session)
        // A policy that names its own key would not cover the new one.
        guard !policy.contains(old.id) else {
            throw .failed(
                "the policy of \(old.arn) names that key itself, and would not cover a new one: write its Resource as *, keybroker key policy put"
            )
        }
        try await requireNobodyLoses(
            old: old,
            newARN: Self.imaginedARN(like: old.arn),
            spec: try journal.fact(Fact.keySpec),
            policy: policy
        )

        var made = try await keysOf(journal.rotation, following: old.id)
        let isNew = made.isEmpty
        if isNew {
            try await make(journal, old: old, policy: policy)
            // Not the one that was answered: what an earlier run asked for may have come in late, and was first.
            made = try await keysOf(journal.rotation, following: old.id)
        }
        guard let id = made.first else { throw BrokerFailure.malformed(session.url) }
        let new = try await KeyFacts.of(id, session)
        try new.requireSigning()
        guard new.spec == (try journal.fact(Fact.keySpec)) else {
            throw .failed("\(new.arn): is \(new.spec), and the plan says \(try journal.fact(Fact.keySpec))")
        }
        guard Self.isSamePolicy(try await KeyFacts.policy(new.id, session), policy) else {
            throw .failed("\(new.arn): has another policy than \(old.arn): keybroker key policy put, and run again")
        }
        journal.facts[Fact.newKey] = .string(new.arn)
        let spare = made.dropFirst().map { "; \($0) was made twice over: keybroker key schedule-deletion \($0)" }
        return "\(new.arn), \(new.spec)\(isNew ? "" : ", which an earlier run made")\(spare.joined())"
    }

    /// The old key has to be one that verifiers believe now: what is to replace it would otherwise hide that.
    private func checkOldSigner(_ journal: inout RotationJournal, _ old: KeyFacts) async throws(CommandFailure) {
        let attested = try await AttestedSigner.fetch(old.arn, policy: policy, broker: broker, session)
        let registry = try registry.read()
        let signers = registry.signers.filter { $0.publicKey?.spki == attested.signer.publicKey?.spki }
        guard !signers.isEmpty else {
            throw .failed(
                "\(self.registry.path): does not have the key of \(alias): verifiers do not know it. keybroker audit export-signers --key \(alias) --merge \(self.registry.path) -o \(self.registry.path)"
            )
        }
        let now = SystemClock.now()
        guard signers.contains(where: { $0.refusal(at: now) == nil }) else {
            throw .failed(
                "\(self.registry.path): the key of \(alias) is not valid there now: its signatures count nowhere"
            )
        }
        journal.facts[Fact.oldSigners] = .array(signers.map { .string($0.id) })
        if journal.facts[Fact.registry] == nil {
            journal.facts[Fact.registry] = .object(RotationRegistry.fingerprints(registry))
        }
    }

    private func make(_ journal: RotationJournal, old: KeyFacts, policy: String) async throws(CommandFailure) {
        let tags = try await KeyFacts.tags(old.id, session).filter { ![Tag.rotation, Tag.follows].contains($0.name) }
        let own = [(name: Tag.rotation, value: journal.rotation), (name: Tag.follows, value: old.id)]
        var input = JSONObject([
            ("KeySpec", .string(try journal.fact(Fact.keySpec))), ("KeyUsage", .string(old.usage)),
            ("Policy", .string(policy)),
            (
                "Tags",
                .array((tags + own).map { ["TagKey": .string($0.name), "TagValue": .string($0.value)] })
            ),
        ])
        if !old.description.isEmpty { input["Description"] = .string(old.description) }
        _ = try await session.kms("CreateKey", input)
    }

    /// The keys that this rotation made, the first one first: an answer may have been lost, or come late.
    ///
    /// - Throws: if another rotation made a key to follow the same one.
    private func keysOf(_ rotation: String, following old: String) async throws(CommandFailure) -> [String] {
        var found: [(made: Double, id: String)] = []
        for key in try await session.kmsList("ListKeys", "Keys") {
            guard let id = key["KeyId"]?.string else { throw BrokerFailure.malformed(session.url) }
            let answer = try await session.kms(
                "ListResourceTags",
                JSONObject([("KeyId", .string(id))]),
                answeredBy: ["AccessDeniedException", "NotFoundException"]
            )
            guard case .success(let output) = answer else { continue }
            let tags = (output["Tags"]?.array ?? []).compactMap(\.object)
            func value(_ name: String) -> String? { tags.first { $0["TagKey"]?.string == name }?["TagValue"]?.string }
            guard value(Tag.follows) == old else { continue }
            guard value(Tag.rotation) == rotation else {
                throw .failed(
                    "key \(id) was made by another rotation of \(alias) (\(Console.printable(value(Tag.rotation) ?? "unknown", limit: 64))): "
                        + "go on with the journal of that one; if it was given up, keybroker key untag \(id) \(Tag.follows), and keybroker key schedule-deletion \(id)"
                )
            }
            let description = try await KeyDescription.of(id, session)
            guard case .number(let made)? = description.metadata["CreationDate"] else {
                throw BrokerFailure.malformed(session.url)
            }
            found.append((made.double ?? 0, id))
        }
        return found.sorted { ($0.made, $0.id) < ($1.made, $1.id) }.map(\.id)
    }

    // MARK: 2. The registry

    func publish(_ journal: inout RotationJournal) async throws(CommandFailure) -> String {
        _ = try await requireAlias(names: try journal.fact(Fact.oldKey))
        let newARN = try journal.fact(Fact.newKey)
        let lock = try RotationFile(locking: registry.path)
        defer { withExtendedLifetime(lock) {} }
        let before = try registry.read()
        try registry.require(journal.facts[Fact.registry]?.object ?? JSONObject(), in: before)
        let attested = try await AttestedSigner.fetch(newARN, id: kid, policy: policy, broker: broker, session)
        guard !attested.isImported else {
            throw .failed("\(newARN): is imported, and no rotation makes such keys: its tags were copied to it")
        }
        // An earlier run wrote it already.
        if let known = before[attested.signer.id], known.publicKey?.spki == attested.signer.publicKey?.spki {
            return try published(&journal, known, before, origin: attested.origin)
        }
        let signer = signer(attested.signer, like: oldSigners(journal).first.flatMap { before[$0] })
        try registry.write(try RotationRegistry.adding(signer, to: before))
        return try published(&journal, signer, try registry.read(), origin: attested.origin)
    }

    /// Signs as the old one did, where its key can.
    private func signer(_ attested: Signer, like old: Signer?) -> Signer {
        guard let old, let key = attested.publicKey, old.algorithm.fits(key.algorithm) else { return attested }
        var signer = Signer(id: attested.id, key: key, algorithm: old.algorithm)
        signer.notBefore = attested.notBefore
        signer.attestation = attested.attestation
        return signer
    }

    private func published(
        _ journal: inout RotationJournal,
        _ signer: Signer,
        _ registry: SignerRegistry,
        origin: String
    )
        throws(CommandFailure) -> String
    {
        try self.registry.require(journal.facts[Fact.registry]?.object ?? JSONObject(), in: registry)
        let judged = try SignerAttestationJudge(expected).check(registry)
        guard judged.origins[signer.id] != nil else {
            let reason = judged.refusals.first { $0.id == signer.id }?.reason ?? "unknown"
            throw .failed("\(Console.printable(signer.id)): \(reason)")
        }
        journal.facts[Fact.newSigner] = .string(signer.id)
        journal.facts[Fact.registry] = .object(RotationRegistry.fingerprints(registry))
        return "\(signer.id), \(origin), valid from \(signer.notBefore?.rfc3339 ?? "-")"
    }

    // MARK: Pieces

    func oldSigners(_ journal: RotationJournal) -> [String] {
        journal.facts[Fact.oldSigners]?.array?.compactMap(\.string) ?? []
    }

    /// Refuses an alias that somebody else moved.
    func requireAlias(names arn: String) async throws(CommandFailure) -> KeyFacts {
        let key = try await KeyFacts.of(alias, session)
        guard key.arn == arn else {
            throw .failed(
                "\(alias) names \(key.arn), and this rotation goes on from \(arn): somebody moved it. If that was a mistake, keybroker key alias update \(alias) \(arn)"
            )
        }
        return key
    }

    static func isSamePolicy(_ a: String, _ b: String) -> Bool {
        guard let first = try? JSON.parse(Array(a.utf8)), let second = try? JSON.parse(Array(b.utf8)) else {
            return false
        }
        return first == second
    }

    /// The ARN of a key that is not there yet, to ask policies about.
    static func imaginedARN(like arn: String) -> String {
        let end = arn.lastIndex(of: "/").map { arn[...$0] } ?? ""
        return "\(end)00000000-0000-4000-8000-000000000000"
    }
}
