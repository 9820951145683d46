// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

// Values of PCRs, as KMS compares them: lower-case hex of SHA-384.

extension LintReport {
    /// Digits of a SHA-384 in hex: the one hash of Nitro enclaves.
    private static let digits = 96

    mutating func checkMeasurements() {
        var believed: [(statement: LintStatement, key: String)] = []
        for statement in document.statements {
            for condition in statement.attestationConditions where condition.believes(in: statement.effect) {
                believed.append((statement, condition.foldedKey))
                for value in condition.values { check(value, condition, statement) }
            }
        }
        let keys = Set(believed.map(\.key))
        // NitroTPM measures an instance, with registers of its own.
        guard let first = believed.first?.statement, keys.contains(where: { !$0.contains("nitrotpm") }) else { return }
        if !keys.contains(PolicyVocabulary.imageKey), !keys.contains("kms:recipientattestation:pcr0") {
            add(
                .imageNotPinned,
                first,
                "No condition names the image (ImageSha384 or PCR0): any enclave that meets the rest is believed.",
                mend: "Add kms:RecipientAttestation:ImageSha384 with PCR0 of your image."
            )
        } else if !keys.contains("kms:recipientattestation:pcr16") {
            add(
                .configurationNotPinned,
                first,
                "PCR16 is not named: a broker's image is believed under whatever configuration the host gives it.",
                mend: "Add PCR16 (keybroker image measure --config enclave.json); a Deny of its own, if in a Deny."
            )
        }
    }

    private mutating func check(_ value: String, _ condition: LintCondition, _ statement: LintStatement) {
        let isPattern = condition.conditionOperator?.comparison == .stringLike
        if isPattern, value.contains(where: { "*?".contains($0) }) {
            add(
                .pcrWildcard,
                statement,
                path: condition.path,
                "\(condition.key) like \(quoted(value)) takes enclaves that nobody measured.",
                mend: "Write whole measurements with StringEqualsIgnoreCase, a list if there are several."
            )
            return
        }
        let hex = value.lowercased().hasPrefix("0x") ? value.dropFirst(2) : value[...]
        let isHex = hex.utf8.allSatisfy { "0123456789abcdefABCDEF".utf8.contains($0) }
        if !hex.isEmpty, hex.allSatisfy({ $0 == "0" }) {
            add(
                .zeroPCR,
                statement,
                path: condition.path,
                "A PCR of zeros is that of every enclave in debug mode, whose console and memory its host reads.",
                mend: "Measure the image without --debug-mode, and write that value."
            )
        } else if !isHex || hex.utf8.count != Self.digits || hex.utf8.count != value.utf8.count {
            let found = isHex ? "\(quoted(value)) has \(value.utf8.count) characters" : "\(quoted(value)) is no hex"
            add(
                .pcrValue,
                statement,
                path: condition.path,
                "KMS compares PCRs as \(Self.digits) hex digits without prefix; \(found), so nothing is equal to it.",
                mend: "Write the SHA-384 as nitro-cli or keybroker image measure prints it."
            )
        } else if condition.conditionOperator?.comparison != .stringEqualsIgnoreCase, value != value.lowercased() {
            add(
                .pcrCase,
                statement,
                path: condition.path,
                "KMS has PCRs in lower case, and \(condition.name) has case: \(quoted(value)) is equal to none.",
                mend: "Write it in lower case, or use \(condition.ignoringCase)."
            )
        }
    }
}

extension LintCondition {
    fileprivate var ignoringCase: String {
        conditionOperator?.isNegated == true ? "StringNotEqualsIgnoreCase" : "StringEqualsIgnoreCase"
    }
}
