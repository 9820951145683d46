// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import Foundation

/// Everything of an enclave's rotation that can be checked without a change.
struct EnclaveRehearsal {
    let rotation: EnclaveRotation
    let journalPath: String

    func checks() async -> [RehearsalCheck] {
        var checks = [journal()]
        checks.append(.ok("identities", "old: \(rotation.old.line); new: \(rotation.new.line)"))
        do throws(CommandFailure) {
            let policy = try await rotation.key.policy()
            checks.append(.ok("key-policy", "GetKeyPolicy \(rotation.key.arn): may be read"))
            checks += policies(policy)
        } catch {
            checks.append(.failed("key-policy", error.message))
        }
        checks.append(
            .notCheckable(
                "permission",
                "whether these credentials may put a policy (kms:PutKeyPolicy): KMS has no DryRun for it"
            )
        )
        checks.append(await enclave())
        return checks
    }

    private func journal() -> RehearsalCheck {
        do throws(CommandFailure) {
            let path = RotationFile.resolved(journalPath)
            guard let journal = try RotationJournal.read(journalPath) else {
                let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
                guard FileManager.default.isWritableFile(atPath: folder) else {
                    return .failed("journal", "\(path): cannot be written: its folder does not let this user")
                }
                return .ok("journal", "\(path): none yet, and one can be written")
            }
            try journal.requirePlan(rotation.plan, path: journalPath)
            let done = journal.entries.filter { $0.state == .done }.map(\.step)
            return .ok("journal", "\(path): a rotation goes on, done: \(done.joined(separator: ", "))")
        } catch {
            return .failed("journal", error.message)
        }
    }

    private func policies(_ policy: String) -> [RehearsalCheck] {
        do throws(CommandFailure) {
            let change = try rotation.change(inForce: policy)
            return [
                .ok("policy-in-force", "releases the TSK to the old enclave"),
                .ok(
                    "policy-for-both",
                    "lint is clean; releases to old and new, not to a mixture, nobody else, and without an enclave nothing"
                ),
                .ok(
                    "policy-for-new",
                    "lint is clean; releases to the new enclave alone; \(change.new.utf8.count) bytes"
                ),
            ]
        } catch {
            return [.failed("policies", error.message)]
        }
    }

    private func enclave() async -> RehearsalCheck {
        do throws(CommandFailure) {
            let sighting = try await rotation.attested(rotation.old)
            try rotation.checkFloor(sighting)
            return .ok(
                "attestation",
                "the old enclave serves version \(sighting.version) of keyring \(sighting.keyringID), which the new one may open"
            )
        } catch {
            return .failed("attestation", error.message)
        }
    }
}
