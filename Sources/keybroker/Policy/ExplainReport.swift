// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import NitroAttestation

/// Why a request is denied, and what to do about it.
struct ExplainReport: Sendable {
    private let decision: DecisionReport
    private let document: RequestDocument?
    private let advice: [PolicyAdvice]

    init(
        decision: DecisionReport,
        document: RequestDocument?,
        configuration: MeasuredConfiguration?,
        isAllowedUnattested: Bool
    ) {
        self.decision = decision
        self.document = document
        let adviser = PolicyAdviser(
            decision: decision,
            document: document,
            configuration: configuration,
            isAllowedUnattested: isAllowedUnattested
        )
        advice = adviser.advice
    }

    /// KMS asks the policies only about a document that it has verified.
    var isAllowed: Bool { decision.isAllowed && document?.rejection == nil }

    // MARK: For programs

    /// docs/reference/policy-explain-output.schema.json
    var json: JSON {
        var document = JSONObject([("verdict", "none"), ("reason", .null), ("timestamp", .null)])
        if let given = self.document {
            document["verdict"] = .string(given.verdict.rawValue)
            document["reason"] = given.rejection.map { .string($0.reason.rawValue) } ?? .null
            document["timestamp"] = given.timestamp.map { .string($0.rfc3339) } ?? .null
        }
        return [
            "decision": .string(decision.decision), "allowed": .bool(isAllowed),
            "message": decision.message.map { .string($0) } ?? .null, "document": .object(document),
            "deciding": .array(decision.explanation.deciding.map(\.json)), "findings": .array(advice.map(\.json)),
        ]
    }

    // MARK: For people

    func printForPeople() {
        Console.line(
            Console.styled(isAllowed ? "allowed" : "denied", isAllowed ? .green : .red)
                + "  \(decision.request.action) by \(Console.printable(decision.request.principal))"
        )
        if isAllowed { for finding in decision.explanation.deciding { Console.line("  \(finding.title)") } }
        for (number, advice) in advice.enumerated() {
            Console.line()
            let place = advice.place.map { "  (\($0.title))" } ?? ""
            Console.line("\(number + 1). \(advice.message)\(place)")
            for (name, values) in [("policy", advice.demanded), ("request", advice.found)] where !values.isEmpty {
                for value in values { Console.line("   \(name)  \(Console.printable(value))") }
            }
            Console.line("   → \(advice.mend)")
        }
        if let message = decision.message {
            Console.line()
            Console.line(Console.styled("KMS says: \(Console.printable(message, limit: 4096))", .dim))
        }
    }
}

/// One thing that is wrong, and how to mend it.
struct PolicyAdvice: Sendable {
    /// Stable codes; more may be added.
    enum Code: String, Sendable, CaseIterable {
        case documentNotVerified = "document-not-verified"
        case debugMode = "debug-mode"
        case attestationMissing = "attestation-missing"
        case operationTakesNoRecipient = "operation-takes-no-recipient"
        case imageDiffers = "image-differs"
        case configurationDiffers = "configuration-differs"
        case pcrDiffers = "pcr-differs"
        case pcrMissing = "pcr-missing"
        case encryptionContextDiffers = "encryption-context-differs"
        case conditionDiffers = "condition-differs"
        case statementDenies = "statement-denies"
        case principalNotNamed = "principal-not-named"
        case resourceNotCovered = "resource-not-covered"
        case actionNotAllowed = "action-not-allowed"
        case identityPolicyMissing = "identity-policy-missing"
        case attestationNotDemanded = "attestation-not-demanded"
    }

    var code: Code
    var place: StatementFinding.Place?
    /// A plain sentence.
    var message: String
    /// What to do.
    var mend: String
    /// What the policy names.
    var demanded: [String] = []
    /// What the request has.
    var found: [String] = []

    var json: JSON {
        [
            "code": .string(code.rawValue), "statement": place?.json ?? .null, "message": .string(message),
            "mend": .string(mend), "policy": .array(demanded.map { .string($0) }),
            "request": .array(found.map { .string($0) }),
        ]
    }
}
