// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import NitroAttestation

extension RotationJournal {
    /// The step that takes a rotation back.
    static let restored = "restore"
}

extension EnclaveRotation {
    // MARK: 1. What is there

    func measure(_ journal: inout RotationJournal) async throws(CommandFailure) -> String {
        let change = try change(inForce: try await key.policy())
        let sighting = try await attested(old)
        try checkFloor(sighting)
        journal.facts[Fact.oldPolicy] = .string(change.old)
        journal.facts[Fact.bothPolicy] = .string(change.both)
        journal.facts[Fact.newPolicy] = .string(change.new)
        journal.facts[Fact.keyringID] = .string(sighting.keyringID)
        journal.facts[Fact.keyringVersion] = .number(JSONNumber(Int64(clamping: sighting.version)))
        journal.facts[Fact.keyringDigest] = .string(Hex.encode(sighting.digest))
        return
            "the policy in force releases the TSK to the old enclave, which serves version \(sighting.version) of keyring \(sighting.keyringID)"
    }

    /// Below its floor the new enclave would not open the keyring.
    func checkFloor(_ sighting: KeyringSighting) throws(CommandFailure) {
        let floor = configuration.configuration.minimumKeyringVersion
        guard sighting.version >= floor else {
            throw .failed(
                "\(configuration.path): its floor is version \(floor), and the keyring's is \(sighting.version): the new enclave would not open it"
            )
        }
        guard sighting.keyringID == configuration.configuration.keyringID else {
            throw .failed(
                "\(configuration.path): is for another keyring than \(sighting.keyringID), which is served now"
            )
        }
    }

    // MARK: 2. Both

    func admit(_ journal: RotationJournal) async throws(CommandFailure) -> String {
        let both = try journal.fact(Fact.bothPolicy)
        let change = try change(inForce: try journal.fact(Fact.oldPolicy))
        try await replace(try journal.fact(Fact.oldPolicy), by: both)
        try change.simulation.require(try await key.policy(), releasesToOld: true, releasesToNew: true)
        return "\(key.arn) releases the TSK to both, and to no mixture of them"
    }

    /// Puts a policy in the place of the one that is expected, and of no other.
    private func replace(_ expected: String, by policy: String) async throws(CommandFailure) {
        let inForce = try await key.policy()
        // An earlier run of this step put it.
        if UnlockKey.isSame(inForce, policy) { return }
        guard UnlockKey.isSame(inForce, expected) else {
            throw .failed(
                "\(key.arn): the policy in force is not the one that this rotation left there: somebody changed it. Put back the one in the journal, or take the rotation back (--restore) and begin again"
            )
        }
        try await key.put(policy)
    }

    // MARK: 3. The new enclave

    /// Nil once the new enclave answers.
    func lacksNewEnclave(_ journal: RotationJournal) async throws(CommandFailure) -> String? {
        do throws(CommandFailure) {
            _ = try await attested(new)
            return nil
        } catch {
            // The old one answers still, as is right until somebody starts the new one; or nobody, while that is done.
            if (try? await attested(old)) != nil {
                return "start the new enclave (\(new.line)): the old one answers at \(broker.url)"
            }
            throw .failed(
                "neither the new enclave nor the old one answers at \(broker.url): \(error.message). Both may unlock; this rotation waits for the new one"
            )
        }
    }

    func serve(_ journal: inout RotationJournal) async throws(CommandFailure) -> String {
        let sighting = try await attested(new)
        let story = try follows(sighting, journal)
        journal.facts[Fact.keyringVersion] = .number(JSONNumber(Int64(clamping: sighting.version)))
        journal.facts[Fact.keyringDigest] = .string(Hex.encode(sighting.digest))
        return "the new enclave serves version \(sighting.version) of keyring \(sighting.keyringID), \(story)"
    }

    /// The keyring that was seen before, not older, and no other history of it.
    private func follows(_ now: KeyringSighting, _ journal: RotationJournal) throws(CommandFailure) -> String {
        let id = try journal.fact(Fact.keyringID)
        guard now.keyringID == id else {
            throw .failed("the new enclave serves keyring \(now.keyringID), and the old one served \(id)")
        }
        let digest = try? Hex.decode(try journal.fact(Fact.keyringDigest))
        guard let version = journal.facts[Fact.keyringVersion]?.int64.flatMap({ UInt64(exactly: $0) }), let digest
        else {
            throw .failed(
                "the journal lacks the keyring's version, which an earlier step writes: it was changed by hand"
            )
        }
        let last = KeyringSighting(keyringID: id, version: version, digest: digest)
        do throws(TrustRefusal) {
            switch try Continuity(of: now, after: last, views: views) {
            case .first, .same: return "as before"
            case .chained: return "which continues version \(version)"
            case .unchecked: return "later than version \(version); that it continues it was not checked (--views)"
            }
        } catch {
            throw .failed("\(error.code.rawValue): \(error.detail)")
        }
    }

    /// The keyring that an enclave of this identity attests now.
    func attested(_ identity: EnclaveIdentity) async throws(CommandFailure) -> KeyringSighting {
        let enclave = try await AttestedEnclave.fetch(
            from: broker.url,
            policy: identity.verification(roots: roots),
            transport: broker.transport()
        )
        guard let id = enclave.userData.keyringID, let version = enclave.userData.keyringVersion,
            let digest = enclave.userData.keyringDigest
        else { throw .failed("\(broker.url): the enclave has not opened a keyring") }
        return KeyringSighting(keyringID: id, version: version, digest: digest)
    }

    // MARK: 4. The new one alone

    func revoke(_ journal: RotationJournal) async throws(CommandFailure) -> String {
        _ = try follows(try await attested(new), journal)
        let change = try change(inForce: try journal.fact(Fact.oldPolicy))
        try await replace(try journal.fact(Fact.bothPolicy), by: try journal.fact(Fact.newPolicy))
        try change.simulation.require(try await key.policy(), releasesToOld: false, releasesToNew: true)
        return "\(key.arn) releases the TSK to the new enclave alone"
    }

    // MARK: Back

    /// Refuses to put the old policy in the place of one that is not this rotation's.
    func requireOwnPolicy(_ journal: RotationJournal) async throws(CommandFailure) {
        let inForce = try await key.policy()
        let own = [Fact.oldPolicy, Fact.bothPolicy, Fact.newPolicy].compactMap { journal.facts[$0]?.string }
        guard own.contains(where: { UnlockKey.isSame($0, inForce) }) else {
            throw .failed(
                "\(key.arn): the policy in force is none of this rotation's: somebody changed it, and it stays"
            )
        }
    }

    func restore(_ journal: RotationJournal) async throws(CommandFailure) -> String {
        let old = try journal.fact(Fact.oldPolicy)
        let change = try change(inForce: old)
        if !UnlockKey.isSame(old, try await key.policy()) { try await key.put(old) }
        try change.simulation.requireReleased(try await key.policy())
        return "\(key.arn) has the policy of before: the new enclave gets the TSK no more at its next start"
    }
}
