// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import Keyring
import NitroAttestation

/// Lets another image or configuration have the TSK: old and new side by side in the key's policy for a time, and no moment in
/// which neither is.
struct EnclaveRotation: Sendable {
    let configuration: MeasuredConfiguration
    /// Nil: the same, or not at hand.
    let previous: MeasuredConfiguration?
    let new: EnclaveIdentity
    let old: EnclaveIdentity
    let principals: UnlockPolicyChange.Principals
    let key: UnlockKey
    let broker: BrokerOptions
    let roots: TrustAnchors
    let views: [KeyringPublicParts]
    let overlap: WaitArgument

    enum Step {
        static let measure = "measure"
        static let admit = "admit"
        static let serve = "serve"
        static let revoke = "revoke"
    }

    enum Fact {
        static let oldPolicy = "oldPolicy"
        static let bothPolicy = "bothPolicy"
        static let newPolicy = "newPolicy"
        static let keyringID = "keyringId"
        static let keyringVersion = "keyringVersion"
        static let keyringDigest = "keyringDigest"
    }

    /// The plan as the journal has it.
    var plan: JSONObject {
        JSONObject([
            ("kmsKey", .string(key.arn)), ("old", old.json), ("new", new.json),
            ("roles", .array(principals.hosts.map { .string($0) })),
            ("administrators", .array(principals.administrators.map { .string($0) })),
            ("overlapSeconds", .number(JSONNumber(overlap.seconds))),
        ])
    }

    // MARK: The steps

    var steps: [RotationStep] {
        [
            RotationStep(
                name: Step.measure,
                title: "measure both enclaves, and see that the policy in force releases the TSK to the old one",
                calls: [
                    "old: \(old.line); new: \(new.line)",
                    "GetKeyPolicy \(key.arn): kept in the journal",
                    "GET /attestation of the old enclave at \(broker.url): its keyring's id, version and digest",
                    "make, lint and simulate the policy for both and the policy for the new one",
                ],
                perform: { journal throws(CommandFailure) in try await self.measure(&journal) }
            ),
            RotationStep(
                name: Step.admit,
                title: "admit both, and no mixture of them",
                calls: [
                    "GetKeyPolicy \(key.arn): as it was", "PutKeyPolicy \(key.arn): the policy for both",
                    "GetKeyPolicy \(key.arn): reads back the same; simulated again",
                ],
                perform: { journal throws(CommandFailure) in try await self.admit(journal) }
            ),
            RotationStep(
                name: Step.serve,
                title: "you start the new enclave; it has to attest the same keyring",
                calls: [
                    "GET /attestation at \(broker.url), with a fresh nonce: the new PCR0 and PCR16, the keyring's id, no lower version, no fork"
                ],
                lacks: { journal throws(CommandFailure) in try await self.lacksNewEnclave(journal) },
                perform: { journal throws(CommandFailure) in try await self.serve(&journal) }
            ),
            RotationStep(
                name: Step.revoke,
                title: "take the old enclave out of the policy, \(overlap) later",
                calls: [
                    "GET /attestation at \(broker.url): the new enclave still serves",
                    "GetKeyPolicy \(key.arn): the policy for both",
                    "PutKeyPolicy \(key.arn): the policy for the new enclave",
                    "GetKeyPolicy \(key.arn): reads back the same; simulated again",
                ],
                due: { [overlap] in $0.finished(Step.serve).map { overlap.after($0) } },
                lacks: { journal throws(CommandFailure) in try await self.lacksNewEnclave(journal) },
                perform: { journal throws(CommandFailure) in try await self.revoke(journal) }
            ),
        ]
    }

    var notes: [String] {
        [
            "Clients check PCR0 and PCR16: give them the new values between admit and revoke (keybroker trust).",
            "Between serve and revoke the host can go back to the old enclave: until then the policy admits it.",
        ]
    }

    /// Both policies to come, for a plan.
    func policies(_ journal: RotationJournal?) async throws(CommandFailure) -> JSONObject {
        var texts = [Fact.oldPolicy, Fact.bothPolicy, Fact.newPolicy].map { journal?.facts[$0]?.string }
        if texts.contains(nil) {
            let change = try change(inForce: try await key.policy())
            texts = [change.old, change.both, change.new]
        }
        let values = texts.map { text in text.flatMap { try? JSON.parse(Array($0.utf8)) } ?? .null }
        return JSONObject([("inForce", values[0]), ("both", values[1]), ("new", values[2])])
    }

    // MARK: Before anything is asked

    /// Refuses files that do not belong to one keyring, or that name one enclave twice.
    func checkFiles() throws(CommandFailure) {
        guard old.image != new.image || old.configuration != new.configuration else {
            throw .usage("old and new have the same PCR0 and PCR16: nothing changes")
        }
        guard let previous else { return }
        let (was, will) = (previous.configuration, configuration.configuration)
        guard was.keyringID == will.keyringID else {
            throw .usage("\(configuration.path): has keyring \(will.keyringID), and \(previous.path) \(was.keyringID)")
        }
        guard was.tsk.commitment == will.tsk.commitment else {
            throw .usage(
                "\(configuration.path): commits to another TSK than \(previous.path), which does not open the keyring"
            )
        }
    }

    func change(inForce policy: String) throws(CommandFailure) -> UnlockPolicyChange {
        try UnlockPolicyChange(
            inForce: policy,
            keyARN: key.arn,
            old: old,
            new: new,
            given: principals,
            context: try PolicyKeyCommand.context(configuration, previous)
        )
    }
}
