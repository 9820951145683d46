// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

/// What can be wrong with a policy. Raw values are stable codes; docs/POLICIES.md has a line for each.
package enum PolicyFault: String, Sendable, CaseIterable {
    // What AWS refuses to take.
    case notJSON = "not-json"
    case malformedPolicy = "malformed-policy"
    case unknownElement = "unknown-element"
    case policyTooLarge = "policy-too-large"
    case sidCharacters = "sid-characters"
    case placeholder
    case unknownOperator = "unknown-operator"
    case policyVariable = "policy-variable"

    // Names and values that mean nothing.
    case unknownAction = "unknown-action"
    case foreignAction = "foreign-action"
    case unknownConditionKey = "unknown-condition-key"
    case unknownValue = "unknown-value"
    case incompatibleValues = "incompatible-values"
    case operatorType = "operator-type"
    case missingQuantifier = "missing-quantifier"
    case variableIn2008 = "variable-in-2008-version"
    case versionMissing = "version-missing"

    // Condition keys that are not there.
    case keyNeverPresent = "key-never-present"
    case keyAbsentForAction = "key-absent-for-action"
    case attestationNeverPresent = "attestation-never-present"
    case ifExistsInAllow = "if-exists-in-allow"
    case forAllValuesInAllow = "for-all-values-in-allow"
    case negatedInAllow = "negated-in-allow"
    case denyMissesAbsence = "deny-misses-absence"

    // Attestation.
    case attestationNotEnforced = "attestation-not-enforced"
    case noAttestationDeny = "no-attestation-deny"
    case denyOnlyAbsence = "deny-only-absence"
    case denyConditionsANDed = "deny-conditions-anded"
    case reEncryptOpen = "re-encrypt-open"
    case unattestedDecrypt = "unattested-decrypt"
    case imageNotPinned = "image-not-pinned"
    case configurationNotPinned = "configuration-not-pinned"
    case zeroPCR = "zero-pcr"
    case pcrValue = "pcr-value"
    case pcrCase = "pcr-case"
    case pcrWildcard = "pcr-wildcard"

    // Who, and what.
    case wildcardPrincipal = "wildcard-principal"
    case notPrincipal = "not-principal"
    case lockOut = "lock-out"
    case allActions = "all-actions"
    case grantsOpen = "grants-open"
    case aliasAsResource = "alias-as-resource"
    case wideResource = "wide-resource"
    case keyPolicyResource = "key-policy-resource"
    case resourcelessAction = "resourceless-action"
    case mixedKeyUsage = "mixed-key-usage"
    case conditionNotEnforced = "condition-not-enforced"
    case openSubject = "open-subject"

    /// How bad it is, wherever it occurs.
    package var severity: PolicyFinding.Severity {
        switch self {
        case .notJSON, .malformedPolicy, .unknownElement, .policyTooLarge, .sidCharacters, .placeholder,
            .unknownOperator, .policyVariable, .unknownAction, .unknownConditionKey, .unknownValue,
            .incompatibleValues, .attestationNeverPresent, .ifExistsInAllow, .forAllValuesInAllow, .negatedInAllow,
            .denyMissesAbsence, .attestationNotEnforced, .denyOnlyAbsence, .denyConditionsANDed, .reEncryptOpen,
            .zeroPCR, .pcrValue, .pcrCase, .pcrWildcard, .wildcardPrincipal, .lockOut, .aliasAsResource:
            .error
        case .foreignAction, .operatorType, .missingQuantifier, .variableIn2008, .keyNeverPresent,
            .keyAbsentForAction, .noAttestationDeny, .unattestedDecrypt, .imageNotPinned, .notPrincipal, .allActions,
            .grantsOpen, .wideResource, .keyPolicyResource, .resourcelessAction, .openSubject:
            .warning
        case .versionMissing, .configurationNotPinned, .mixedKeyUsage, .conditionNotEnforced: .note
        }
    }
}

/// One fault of one policy.
package struct PolicyFinding: Sendable, Equatable {
    package enum Severity: String, Sendable, CaseIterable {
        /// AWS refuses the policy, or it does not do what it says.
        case error
        /// More is open, or less is granted, than whoever wrote it is likely to know.
        case warning
        case note
    }

    package let fault: PolicyFault
    /// Its place in `Statement`, from 0; nil if the document as a whole is at fault.
    package let statement: Int?
    package let sid: String?
    /// JSON path: `Statement[1].Condition.StringEquals.kms:MessageType`.
    package let path: String
    /// What is wrong, one sentence.
    package let problem: String
    /// What to do.
    package let mend: String
}
