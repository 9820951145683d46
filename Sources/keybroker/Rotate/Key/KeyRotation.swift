// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding
import KMSProtocol
import NitroAttestation

/// Gives an alias a new signing key: what was signed before stays valid, and verifiers know the new key before it signs.
struct KeyRotation: Sendable {
    let alias: String
    let registry: RotationRegistry
    let kid: String?
    let keySpec: String?
    let profile: ChainProfile
    let overlap: WaitArgument
    let disableAfter: WaitArgument
    let broker: BrokerOptions
    let session: BrokerSession
    let expected: ExpectedEnclaveOptions
    /// Names PCR0 and PCR16.
    let policy: VerificationPolicy

    enum Step {
        static let create = "create"
        static let publish = "publish"
        static let overlap = "overlap"
        static let change = "switch"
        static let retire = "retire"
        static let disable = "disable"
    }

    enum Fact {
        static let oldKey = "oldKey"
        static let newKey = "newKey"
        static let keySpec = "keySpec"
        static let oldSigners = "oldSigners"
        static let newSigner = "newSigner"
        /// SHA-256 of each entry of the registry, when this rotation last looked at it or wrote it.
        static let registry = "registry"
        static let notAfter = "notAfter"
    }

    /// On the new key: the rotation that made it, and the key that it follows. A key whose creation was not answered is found
    /// again by them, and another rotation of the same key is found out.
    enum Tag {
        static let rotation = "keybroker:rotation"
        static let follows = "keybroker:follows"
    }

    /// The plan as the journal has it.
    var plan: JSONObject {
        JSONObject([
            ("alias", .string(alias)), ("signers", .string(registry.path)), ("kid", kid.map { .string($0) } ?? .null),
            ("keySpec", keySpec.map { .string($0) } ?? .null), ("profile", .string(profile.rawValue)),
            ("overlapSeconds", .number(JSONNumber(overlap.seconds))),
            ("disableAfterSeconds", .number(JSONNumber(disableAfter.seconds))),
        ])
    }

    /// The journal of a new rotation: of the key that the alias names now.
    func start(_ rotation: String) async throws(CommandFailure) -> RotationJournal {
        let old = try await KeyFacts.of(alias, session)
        try old.requireSigning()
        var journal = RotationJournal(.key, rotation: rotation, created: SystemClock.now(), plan: plan)
        journal.facts[Fact.oldKey] = .string(old.arn)
        journal.facts[Fact.keySpec] = .string(keySpec ?? old.spec)
        return journal
    }

    // MARK: The steps

    /// `journal` fills in the names that are known.
    func steps(_ journal: RotationJournal?) -> [RotationStep] {
        let old = journal?.facts[Fact.oldKey]?.string ?? "the old key"
        let new = journal?.facts[Fact.newKey]?.string ?? "the new key"
        let spec = journal?.facts[Fact.keySpec]?.string ?? "the old one's spec"
        return [
            RotationStep(
                name: Step.create,
                title: "make a key as the old one is",
                calls: [
                    "DescribeKey \(alias); GetKeyPolicy, ListResourceTags, GetPublicKey \(old); an attestation that names it",
                    "ListKeys, ListResourceTags of each: is there a key of this rotation, or of another one?",
                    "CreateKey KeySpec=\(spec) KeyUsage=SIGN_VERIFY, with the policy, tags and description of \(old) and the tags \(Tag.rotation), \(Tag.follows)",
                    "DescribeKey, GetKeyPolicy \(new): is it as it should be?",
                ],
                perform: { journal throws(CommandFailure) in try await self.create(&journal) }
            ),
            RotationStep(
                name: Step.publish,
                title: "add the new key to the registry, as an attestation names it",
                calls: [
                    "GetPublicKey \(new); GET /attestation, with a fresh nonce, of the expected enclave, that names it",
                    "write \(registry.path): one signer more (\(kid ?? new)), valid from the attestation on; every other entry as it is",
                ],
                perform: { journal throws(CommandFailure) in try await self.publish(&journal) }
            ),
            RotationStep(
                name: Step.overlap,
                title: "see that the new key signs what verifiers accept",
                calls: [
                    "Sign \(new): a test record (\(profile.rawValue)), verified under \(registry.path) and its attestation"
                ],
                perform: { journal throws(CommandFailure) in try await self.tryNewKey(&journal) }
            ),
            RotationStep(
                name: Step.change,
                title: "let the alias name the new key, \(overlap) after its publication",
                calls: [
                    "ListPrincipals: whoever may sign with the old key may sign with the new one",
                    "UpdateAlias \(alias) TargetKeyId=\(new)",
                    "Sign \(alias): a test record, verified under the new signer",
                ],
                due: { [overlap] in $0.finished(Step.publish).map { overlap.after($0) } },
                perform: { journal throws(CommandFailure) in try await self.change(&journal) }
            ),
            RotationStep(
                name: Step.retire,
                title: "end the old signer's validity: what it signed before stays valid",
                calls: ["write \(registry.path): notAfter of the old key's signer; every other entry as it is"],
                perform: { journal throws(CommandFailure) in try await self.retire(&journal) }
            ),
            RotationStep(
                name: Step.disable,
                title: "disable the old key, \(disableAfter) after the switch; it is never deleted",
                calls: [
                    "ListAliases \(old): none may name it", "DisableKey \(old)",
                    "Sign \(old) with DryRun: must be refused",
                ],
                due: { [disableAfter] in $0.finished(Step.change).map { disableAfter.after($0) } },
                perform: { journal throws(CommandFailure) in try await self.disable(&journal) }
            ),
        ]
    }

    /// What the user should know before.
    func notes(_ journal: RotationJournal) throws(CommandFailure) -> [String] {
        var notes = [
            "Programs have to name the key as \(alias). Those that name it by id or ARN go on with the old key, whose signer ends at the switch."
        ]
        let old = try journal.fact(Fact.oldKey)
        let ids = try registry.read().signers.map(\.id)
        if !ids.contains(old) || kid != nil {
            notes.append(
                "Programs that name the signer themselves (--kid, AUDIT_SIGNER_KID) have to name the new one from the switch on: \(kid ?? "the new key's ARN")."
            )
        }
        let spec = try journal.fact(Fact.keySpec)
        if ["ECC_NIST_P384", "ECC_NIST_P521"].contains(spec) {
            notes.append(
                "Audit records are signed over SHA-256, which KMS does not do with keys of this spec: --key-spec."
            )
        }
        return notes
    }
}
