// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import NitroAttestation

/// Turns the findings of an explanation into advice. It decides nothing: what applies, the evaluator has said.
struct PolicyAdviser: Sendable {
    let decision: DecisionReport
    let document: RequestDocument?
    let configuration: MeasuredConfiguration?
    /// Whether the same request without a document is allowed.
    let isAllowedUnattested: Bool

    private var explanation: AccessExplanation { decision.explanation }

    var advice: [PolicyAdvice] {
        var result = onDocument()
        for finding in explanation.findings where finding.isDeny && finding.applies { result += onDenial(finding) }
        switch explanation.decisionWithoutDenies {
        case .implicitDeny(.keyPolicy): result += onMissingAllow(in: .keyPolicy)
        case .implicitDeny(.identityPolicy): result += onMissingIdentityPolicy()
        case .allowed, .explicitDeny: break
        }
        if decision.isAllowed, let warning = onUnattestedAllow() { result.append(warning) }
        return result
    }

    // MARK: The document

    private func onDocument() -> [PolicyAdvice] {
        guard let document else { return [] }
        if let rejection = document.rejection {
            let mend =
                switch rejection.reason {
                case .untrustedRoot:
                    "name the root that KMS trusts with --root: aws, or a software module's root.pem for a development KMS"
                case .certificateExpired, .certificateNotYetValid, .documentFromFuture:
                    "make a new document for each request: its certificate lives for three hours"
                case .nitroTPMDocument: "send the document of an enclave: this is an EC2 instance's NitroTPM"
                default: "send the bytes that the security module gave, unchanged: keybroker verify says more"
                }
            return [
                PolicyAdvice(
                    code: .documentNotVerified,
                    message: "KMS would refuse the attestation document before it asks any policy: "
                        + "\(rejection.reason.rawValue) (\(Console.printable(rejection.detail))).",
                    mend: mend
                )
            ]
        }
        if document.isDebugMode {
            return [
                PolicyAdvice(
                    code: .debugMode,
                    message: "The enclave runs in debug mode: PCR0 to PCR2 are zero, whatever its image is.",
                    mend: "start it without debug mode"
                )
            ]
        }
        return []
    }

    // MARK: Explicit denies

    private func onDenial(_ finding: StatementFinding) -> [PolicyAdvice] {
        let about = finding.conditions.map { advice(on: $0, of: finding) }
        guard about.isEmpty else { return about }
        return [
            PolicyAdvice(
                code: .statementDenies,
                place: finding.place,
                message: "A statement denies \(decision.request.action) to this principal, without condition.",
                mend: "nothing allows against a Deny: narrow or remove the statement, or do without the action"
            )
        ]
    }

    // MARK: No allow

    private func onMissingAllow(in kind: AccessDecision.Source) -> [PolicyAdvice] {
        let allows = explanation.findings.filter { !$0.isDeny && $0.place.kind == kind && $0.actionMatches }
        guard !allows.isEmpty else {
            let policy = kind == .keyPolicy ? "The key policy" : "No IAM policy of the principal"
            return [
                PolicyAdvice(
                    code: .actionNotAllowed,
                    message: kind == .keyPolicy
                        ? "\(policy) has no statement that allows \(decision.request.action)."
                        : "\(policy) allows \(decision.request.action).",
                    mend: "add a statement that allows it to the principal"
                )
            ]
        }
        // What is nearest to allowing: statements that fail by least.
        let fewest = allows.map { $0.mismatches.count }.min() ?? 0
        return allows.filter { $0.mismatches.count == fewest }.flatMap { finding in
            finding.mismatches.map { advice(on: $0, of: finding) }
                + finding.failedConditions.map { advice(on: $0, of: finding) }
        }
    }

    private func onMissingIdentityPolicy() -> [PolicyAdvice] {
        let isStranger = decision.request.principalAccount != decision.request.resourceAccount
        let door = explanation.findings.first { $0.place.kind == .keyPolicy && !$0.isDeny && $0.applies }
        let policies = explanation.findings.contains { $0.place.kind == .identityPolicy }
        var result: [PolicyAdvice] = []
        if let door {
            result.append(
                PolicyAdvice(
                    code: .identityPolicyMissing,
                    place: door.place,
                    message: isStranger
                        ? "The key policy allows it, and a principal of another account needs an IAM policy there as well."
                        : "The key policy leaves the decision to IAM policies of the account, and none of them allows it.",
                    mend: isStranger
                        ? "attach an IAM policy in that account that allows \(decision.request.action) on the key's ARN"
                        : "name the principal in the key policy, or attach an IAM policy that allows "
                            + "\(decision.request.action) on the key's ARN"
                )
            )
        }
        if policies || door == nil { result += onMissingAllow(in: .identityPolicy) }
        return result
    }

    private func onUnattestedAllow() -> PolicyAdvice? {
        guard isAllowedUnattested, AttestedOperations.contains(decision.request.action) else { return nil }
        return PolicyAdvice(
            code: .attestationNotDemanded,
            place: explanation.deciding.first?.place,
            message:
                "The same request without an attestation document is allowed as well: nothing ties it to an enclave.",
            mend: "deny whoever lacks the measurements: keybroker policy key prints such a policy"
        )
    }

    // MARK: Elements

    private func advice(on mismatch: StatementFinding.Mismatch, of finding: StatementFinding) -> PolicyAdvice {
        switch mismatch.element {
        case "Principal", "NotPrincipal":
            PolicyAdvice(
                code: .principalNotNamed,
                place: finding.place,
                message: "The statement allows \(decision.request.action), but to others.",
                mend: "name \(Console.printable(mismatch.requestValue)) (of a session, its role) in Principal, "
                    + "or ask as one of those that it names",
                demanded: mismatch.policyValues,
                found: [mismatch.requestValue]
            )
        default:
            PolicyAdvice(
                code: .resourceNotCovered,
                place: finding.place,
                message: mismatch.requestValue == "*"
                    ? "The statement is about certain resources, and no --resource was named."
                    : "The statement allows it on other resources.",
                mend: mismatch.requestValue == "*"
                    ? "name the key's ARN with --resource"
                    : "name the key by its ARN in Resource: an alias's ARN is not the key",
                demanded: mismatch.policyValues,
                found: [mismatch.requestValue]
            )
        }
    }

    private func advice(on condition: StatementFinding.ConditionFinding, of finding: StatementFinding) -> PolicyAdvice {
        ConditionAdviser(
            condition: condition,
            finding: finding,
            action: decision.request.action,
            hasDocument: document?.pcrs.isEmpty == false,
            isUnchecked: document?.verdict == .unchecked,
            configuration: configuration
        ).advice
    }
}

/// Operations that take a Recipient (KMS service model).
enum AttestedOperations: Sendable {
    private static let names: Set<String> = [
        "kms:decrypt", "kms:generatedatakey", "kms:generatedatakeypair", "kms:generaterandom", "kms:derivesharedsecret",
    ]

    static func contains(_ action: String) -> Bool { names.contains(action.lowercased()) }
}
