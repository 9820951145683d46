// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import AuditTrail
import Cryptography
import Encoding
import Foundation
import KMSProtocol
import SigV4

/// Everything of a key's rotation that can be checked without a change.
struct KeyRehearsal {
    let rotation: KeyRotation
    let journalPath: String

    private var session: BrokerSession { rotation.session }

    func checks() async -> [RehearsalCheck] {
        var checks: [RehearsalCheck] = []
        checks.append(journal())
        let credentials = await attempt("credentials") { () async throws(CommandFailure) in
            let id = try await rotation.broker.credentials().accessKeyID
            return (id, "access key \(id)")
        }
        checks.append(credentials.check)
        let old = await attempt("key") { () async throws(CommandFailure) in
            let key = try await KeyFacts.of(rotation.alias, session)
            try key.requireSigning()
            return (key, "\(rotation.alias) names \(key.arn), \(key.spec), \(key.state)")
        }
        checks.append(old.check)
        let registry = await attempt("registry") { () async throws(CommandFailure) in
            let registry = try rotation.registry.read()
            try requireWritable(rotation.registry.path)
            return (registry, "\(rotation.registry.path): \(registry.signers.count) signers, can be replaced")
        }
        checks.append(registry.check)
        guard let key = old.value else { return checks }
        let attested = await attempt("attestation") { () async throws(CommandFailure) in
            let signer = try await AttestedSigner.fetch(
                key.arn,
                policy: rotation.policy,
                broker: rotation.broker,
                session
            )
            return (signer, "the expected enclave names the key of \(rotation.alias): \(signer.origin)")
        }
        checks.append(attested.check)
        checks += await permissions(key, caller: credentials.value)
        checks.append(await dryRun(key))
        guard let registry = registry.value, let attested = attested.value else { return checks }
        checks += await signature(registry, attested)
        return checks
    }

    // MARK: The checks

    private func journal() -> RehearsalCheck {
        do throws(CommandFailure) {
            guard let journal = try RotationJournal.read(journalPath) else {
                try requireWritable(RotationFile.resolved(journalPath))
                return .ok("journal", "\(journalPath): none yet, and one can be written")
            }
            try journal.requirePlan(rotation.plan, path: journalPath)
            let done = journal.entries.filter { $0.state == .done }.map(\.step)
            return .ok("journal", "\(journalPath): a rotation goes on, done: \(done.joined(separator: ", "))")
        } catch {
            return .failed("journal", error.message)
        }
    }

    /// Who may do each call, by the policies themselves.
    private func permissions(_ key: KeyFacts, caller: String?) async -> [RehearsalCheck] {
        do throws(CommandFailure) {
            let policy = try await KeyFacts.policy(key.id, session)
            guard let known = try await BrokerPermissions.read(session) else {
                return [
                    .notCheckable("permissions", "the caller may not list the principals (keybroker:ListPrincipals)")
                ]
            }
            guard let principal = caller.flatMap({ known[$0] }) else {
                return [.notCheckable("permissions", "the caller's access key is not one of the broker's principals")]
            }
            let source = try PolicySourceFile.source(Array(policy.utf8), kind: .key, name: "the key's policy")
            var missing: [String] = []
            for call in try await calls(key) {
                let isKey = call.resource.contains(":key/")
                let isAllowed = try principal.isAllowed(
                    call.action,
                    on: call.resource,
                    policy: isKey ? source : nil,
                    conditions: call.conditions
                )
                if !isAllowed { missing.append("\(call.action) on \(call.resource)") }
            }
            var checks = [
                missing.isEmpty
                    ? RehearsalCheck.ok("permissions", "the caller may do every call of the plan")
                    : .failed("permissions", "the caller lacks \(missing.joined(separator: ", "))")
            ]
            try await rotation.requireNobodyLoses(
                old: key,
                newARN: KeyRotation.imaginedARN(like: key.arn),
                spec: rotation.keySpec ?? key.spec,
                policy: policy
            )
            checks.append(.ok("principals", "whoever may sign with the old key may sign with the new one"))
            return checks
        } catch {
            return [.failed("permissions", error.message)]
        }
    }

    private struct PlannedCall {
        let action: String
        let resource: String
        let conditions: [String: [String]]
    }

    private func calls(_ key: KeyFacts) async throws(CommandFailure) -> [PlannedCall] {
        let spec = rotation.keySpec ?? key.spec
        let tags = try await KeyFacts.tags(key.id, session)
        let question = SigningQuestion(alias: rotation.alias, usage: key.usage, tags: tags)
        var signing = question.conditions(spec: spec)
        signing["kms:SigningAlgorithm"] = KeySpec(rawValue: spec)?.signingAlgorithms.prefix(1).map(\.rawValue) ?? []
        signing["kms:MessageType"] = [MessageType.digest.rawValue]
        var making = question.conditions(spec: spec).filter {
            ["kms:KeySpec", "kms:KeyUsage", "kms:KeyOrigin"].contains($0.key)
        }
        making["aws:TagKeys"] = tags.map(\.name) + [KeyRotation.Tag.rotation, KeyRotation.Tag.follows]
        for tag in tags { making["aws:RequestTag/\(tag.name)"] = [tag.value] }
        let new = KeyRotation.imaginedARN(like: key.arn)
        let alias = "\(key.arn.prefix(while: { $0 != "/" }).dropLast("key".count))\(rotation.alias)"
        func on(_ resource: String, _ actions: [String], _ conditions: [String: [String]]) -> [PlannedCall] {
            actions.map { PlannedCall(action: "kms:\($0)", resource: resource, conditions: conditions) }
        }
        let both = ["DescribeKey", "GetPublicKey", "GetKeyPolicy", "ListResourceTags", "UpdateAlias"]
        return on("*", ["ListKeys", "ListAliases"], [:]) + on("*", ["CreateKey", "TagResource"], making)
            + on(alias, ["UpdateAlias"], [:]) + on(key.arn, both + ["DisableKey"], question.conditions(spec: key.spec))
            + on(new, both + ["PutKeyPolicy"], question.conditions(spec: spec)) + on(new, ["Sign"], signing)
    }

    /// KMS's own word for a signature through the alias.
    private func dryRun(_ key: KeyFacts) async -> RehearsalCheck {
        guard let algorithm = KeySpec(rawValue: key.spec)?.signingAlgorithms.last else {
            return .notCheckable("dry-run", "\(key.spec) is not known here")
        }
        do throws(CommandFailure) {
            var input = try SignatureJob(key: rotation.alias, algorithm: algorithm.rawValue, message: [0], digest: nil)
                .input
            input["DryRun"] = true
            switch try await session.kms("Sign", input, answeredBy: ["DryRunOperationException"]) {
            case .success: return .failed("dry-run", "Sign with DryRun was answered as if it had none")
            case .failure: return .ok("dry-run", "Sign \(rotation.alias) would succeed")
            }
        } catch {
            return .failed("dry-run", error.message)
        }
    }

    /// A signature of now, and the changes of the registry on a copy of it.
    private func signature(_ registry: SignerRegistry, _ attested: AttestedSigner) async -> [RehearsalCheck] {
        let now = SystemClock.now()
        // Of several entries for one key, some may have ended.
        let signers = registry.signers.filter {
            $0.publicKey?.spki == attested.signer.publicKey?.spki && $0.refusal(at: now) == nil
        }
        guard let old = signers.first else {
            return [
                .failed(
                    "signature",
                    "the registry does not have the key of \(rotation.alias): keybroker audit export-signers --merge"
                )
            ]
        }
        var checks: [RehearsalCheck] = []
        let signed = await attempt("signature") { () async throws(CommandFailure) in
            try await TestRecord(rotation, id: "rehearsal", registry: registry)
                .check(key: rotation.alias, signer: old.id)
            return ((), "a record of now verifies as \(old.id) under the registry")
        }
        checks.append(signed.check)
        let copied = await attempt("registry-copy") { () async throws(CommandFailure) in
            try await rehearse(registry, ids: signers.map(\.id), attested)
            return ((), "with a signer more and the old one ended, records of before verify")
        }
        checks.append(copied.check)
        return checks
    }

    private func rehearse(_ registry: SignerRegistry, ids: [String], _ attested: AttestedSigner)
        async throws(CommandFailure)
    {
        let copy = RotationRegistry(path: "\(NSTemporaryDirectory())/keybroker-rehearsal-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(atPath: copy.path) }
        // A key that nobody has, in the place of the one that will be made.
        guard let key = try? PrivateKey.generate(.ed25519).publicKey else { throw .failed("no key can be made here") }
        var signer = Signer(id: rotation.kid ?? KeyRotation.imaginedARN(like: attested.signer.id), key: key)
        signer.notBefore = attested.signer.notBefore
        try copy.write(try RotationRegistry.adding(signer, to: registry))
        let published = try copy.read()
        try copy.require(RotationRegistry.fingerprints(registry), in: published)
        let later = SystemClock.now().advanced(byMilliseconds: 60_000)
        try copy.write(RotationRegistry.ending(ids, at: later, in: published))
        let ended = try copy.read()
        for id in ids {
            let record = try TestRecord(rotation, id: "rehearsal", registry: ended)
            try await record.check(key: rotation.alias, signer: id)
            guard ended[id]?.refusal(at: later) != nil else { throw .failed("\(id): does not end") }
        }
    }

    // MARK: Pieces

    private func attempt<Value>(
        _ name: String,
        _ look: () async throws(CommandFailure) -> (Value, String)
    ) async -> (value: Value?, check: RehearsalCheck) {
        do throws(CommandFailure) {
            let (value, message) = try await look()
            return (value, .ok(name, message))
        } catch {
            return (nil, .failed(name, error.message))
        }
    }

    /// Replacing a file takes a folder that can be written.
    private func requireWritable(_ path: String) throws(CommandFailure) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw .failed("\(path): cannot be written: its folder does not let this user")
        }
    }
}
