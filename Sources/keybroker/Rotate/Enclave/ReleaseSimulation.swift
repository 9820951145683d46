// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import PolicyTools

/// Asks a key policy, by the evaluator that the development KMS and the enclave have, to whom it releases the TSK.
struct ReleaseSimulation: Sendable {
    let keyARN: String
    let hosts: [String]
    let administrators: [String]
    let old: EnclaveIdentity
    let new: EnclaveIdentity

    /// Refuses a policy that does not release to exactly these.
    func require(_ policy: String, releasesToOld: Bool, releasesToNew: Bool) throws(CommandFailure) {
        let source = try PolicySourceFile.source(Array(policy.utf8), kind: .key, name: "the policy")
        for host in hosts {
            let ask = { (identity: EnclaveIdentity?, context: [String: String]) throws(CommandFailure) in
                try isReleased(source, to: host, identity, context)
            }
            try expect(try ask(old, old.encryptionContext), releasesToOld, "the old enclave (\(old.line))", host)
            try expect(try ask(new, new.encryptionContext), releasesToNew, "the new enclave (\(new.line))", host)
            for (name, stranger) in strangers {
                try expect(try ask(stranger, stranger.encryptionContext), false, name, host)
            }
            try expect(try ask(nil, new.encryptionContext), false, "no enclave", host)
            var context = new.encryptionContext
            context["keybroker:rotation"] = "another"
            if !new.encryptionContext.isEmpty {
                for name in new.encryptionContext.keys { context[name] = "another" }
            }
            try expect(try ask(new, context), false, "another encryption context", host)
        }
        for administrator in administrators {
            try expect(
                try isReleased(source, to: administrator, nil, new.encryptionContext),
                false,
                "no enclave",
                administrator
            )
            guard try isAllowed(source, administrator, "kms:PutKeyPolicy") else {
                throw .failed("the policy would not let \(administrator) put the next one")
            }
        }
        for principal in hosts + administrators {
            for action in [
                "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant",
            ]
            where try isAllowed(source, principal, action) {
                throw .failed("the policy lets \(principal) do \(action): the TSK could be moved")
            }
        }
    }

    /// Refuses a policy, of whatever making, that does not release to the old enclave.
    func requireReleased(_ policy: String) throws(CommandFailure) {
        let source = try PolicySourceFile.source(Array(policy.utf8), kind: .key, name: "the policy")
        for host in hosts {
            let isReleased = try isReleased(source, to: host, old, old.encryptionContext)
            try expect(isReleased, true, "the old enclave (\(old.line))", host)
        }
    }

    /// Neither: mixtures of the two, and each with a register of its own wrong.
    private var strangers: [(name: String, identity: EnclaveIdentity)] {
        var strangers = [old, new].flatMap { identity in
            [0, 16].map { index in
                (
                    name: "an enclave with another PCR\(index)",
                    identity: identity.with([index: [UInt8](repeating: 0x5A, count: 48)])
                )
            }
        }
        if old.image != new.image, old.configuration != new.configuration {
            strangers.append(("the old image with the new configuration", new.with([0: old.image])))
            strangers.append(("the new image with the old configuration", old.with([0: new.image])))
        }
        return strangers
    }

    private func expect(_ isReleased: Bool, _ expected: Bool, _ who: String, _ principal: String) throws(CommandFailure)
    {
        guard isReleased != expected else { return }
        throw .failed(
            "the policy \(isReleased ? "releases the TSK to" : "does not release the TSK to") \(who), asked by \(principal)"
        )
    }

    private func isReleased(
        _ policy: PolicySource,
        to principal: String,
        _ identity: EnclaveIdentity?,
        _ context: [String: String]
    ) throws(CommandFailure) -> Bool {
        var request = SimulatedRequest(principal: principal, action: "kms:Decrypt", resource: keyARN)
        request.conditions = RequestConditionKeys.encryptionContext(
            context.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        )
        request.pcrs = identity?.pcrs
        return try explain(policy, request)
    }

    private func isAllowed(_ policy: PolicySource, _ principal: String, _ action: String) throws(CommandFailure) -> Bool
    {
        try explain(policy, SimulatedRequest(principal: principal, action: action, resource: keyARN))
    }

    private func explain(_ policy: PolicySource, _ request: SimulatedRequest) throws(CommandFailure) -> Bool {
        var policies = RequestPolicies()
        policies.key = policy
        return policies.explain(try request.accessRequest(at: SystemClock.now())).decision == .allowed
    }

    /// Refuses what `keybroker policy lint` complains of.
    func requireClean(_ policy: String) throws(CommandFailure) {
        let report = PolicyLint.check(Array(policy.utf8), kind: .key, keyARN: keyARN)
        let faults = report.findings.filter { $0.fault.severity != .note }
        guard let first = faults.first else { return }
        throw .failed("the policy has a fault: \(first.fault.rawValue): \(Console.printable(first.problem))")
    }
}
