// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding

/// Advice on one condition that denied, or that kept a statement from allowing.
struct ConditionAdviser: Sendable {
    let condition: StatementFinding.ConditionFinding
    let finding: StatementFinding
    let action: String
    let hasDocument: Bool
    /// Registers were named one by one, in place of a document.
    let isUnchecked: Bool
    let configuration: MeasuredConfiguration?

    private static let attestationPrefix = "kms:recipientattestation:"

    var advice: PolicyAdvice {
        let key = condition.key.lowercased()
        if key.hasPrefix(Self.attestationPrefix) {
            return onMeasurement(String(key.dropFirst(Self.attestationPrefix.count)))
        }
        if key.hasPrefix(RequestConditionKeys.encryptionContextPrefix.lowercased())
            || key == "kms:encryptioncontextkeys"
        {
            return make(
                .encryptionContextDiffers,
                condition.requestValues.isEmpty
                    ? "The encryption context lacks \(name): the request must have the one that the TSK was wrapped with."
                    : "The encryption context differs: \(name).",
                "send the context that the ciphertext was made with (tsk.encryptionContext of the configuration); "
                    + "if that is what was sent, put its value into the policy"
            )
        }
        return make(.conditionDiffers, generalMessage, "change the request or the policy, whichever is wrong")
    }

    // MARK: Measurements

    private func onMeasurement(_ register: String) -> PolicyAdvice {
        guard AttestedOperations.contains(action) else {
            return make(
                .operationTakesNoRecipient,
                "\(action) takes no attestation document, so a condition on \(condition.key) is never met.",
                "condition only Decrypt, GenerateDataKey, GenerateDataKeyPair, GenerateRandom and DeriveSharedSecret on it"
            )
        }
        guard hasDocument else {
            return make(
                .attestationMissing,
                "The request carries no attestation document, and the policy demands \(condition.key).",
                "call from inside the enclave with Recipient: a document from its security module with an RSA public key"
            )
        }
        let index = register == "imagesha384" ? "0" : String(register.dropFirst("pcr".count))
        guard !condition.requestValues.isEmpty else {
            if isUnchecked {
                return make(
                    .pcrMissing,
                    "The policy demands PCR\(index), and what the enclave has in it was not named.",
                    "name it too: --pcr \(index)=HEX"
                )
            }
            return make(
                .pcrMissing,
                "The document has no PCR\(index).",
                "lock the register in the enclave: only locked ones are attested"
            )
        }
        if let fault = faultOfPolicy { return make(code(of: index), "PCR\(index) differs: \(fault).", faultMend) }
        switch index {
        case "0":
            return make(
                .imageDiffers,
                "PCR0 differs: the policy names another image than the document's.",
                "if the document's image is the one to run, put its PCR0 into the policy (keybroker policy key --pcr0 …); "
                    + "if not, run the image that the policy names"
            )
        case "16": return onConfiguration()
        default:
            return make(
                .pcrDiffers,
                "PCR\(index) differs.",
                "put the document's value into the policy if it is right; if not, change what is measured"
            )
        }
    }

    private func onConfiguration() -> PolicyAdvice {
        if condition.requestValues.allSatisfy({ $0.allSatisfy { $0 == "0" } }) {
            return make(
                .configurationDiffers,
                "PCR16 differs: the document's is zero, so the enclave had read no configuration.",
                "make the document after the configuration was extended into PCR16"
            )
        }
        guard let configuration else {
            return make(
                .configurationDiffers,
                "PCR16 differs: the enclave's configuration is not the one that the policy names.",
                "--config FILE tells which side is wrong: every byte of a configuration counts"
            )
        }
        let file = Console.printable(configuration.path)
        let expected = Hex.encode(configuration.pcr16)
        if condition.requestValues.contains(expected) {
            return make(
                .configurationDiffers,
                "PCR16 differs: the enclave runs \(file), and the policy was made for another configuration.",
                "put the policy that keybroker policy key --config \(file) prints"
            )
        }
        if condition.policyValues.contains(where: { $0.lowercased() == expected }) {
            return make(
                .configurationDiffers,
                "PCR16 differs: the policy is for \(file), and the enclave was started with another configuration.",
                "start the enclave with \(file), byte for byte"
            )
        }
        return make(
            .configurationDiffers,
            "PCR16 differs: \(file) is neither what the policy names nor what the enclave runs (it is \(expected)).",
            "choose one configuration: start the enclave with it, and put the policy that keybroker policy key prints"
        )
    }

    private func code(of index: String) -> PolicyAdvice.Code {
        switch index {
        case "0": .imageDiffers
        case "16": .configurationDiffers
        default: .pcrDiffers
        }
    }

    /// What no document can match.
    private var faultOfPolicy: String? {
        for value in condition.policyValues {
            if condition.requestValues.contains(value.lowercased()) {
                return "only the case of the letters does, and \(condition.conditionOperator) minds it"
            }
            if value.lowercased().hasPrefix("0x") { return "the policy's value begins with 0x, and KMS's do not" }
            if value.allSatisfy({ $0 == "0" }) { return "the policy names zeros, which a debug enclave has" }
            if (try? Hex.decode(value.lowercased()))?.count != 48, !value.contains("*"), !value.contains("?") {
                return "the policy's value is not 96 hex digits"
            }
        }
        return nil
    }

    private var faultMend: String { "put the measurement into the policy as 96 lower-case hex digits" }

    // MARK: Words

    private var name: String {
        Console.printable(String(condition.key.split(separator: ":", maxSplits: 2).last ?? ""))
    }

    private var generalMessage: String {
        let present =
            condition.requestValues.isEmpty
            ? "the request does not have it"
            : "the request has \(StatementFinding.list(condition.requestValues))"
        return "\(finding.isDeny ? "A Deny applies" : "An Allow does not apply"): "
            + "\(condition.conditionOperator) \(Console.printable(condition.key)), and \(present)."
    }

    private func make(_ code: PolicyAdvice.Code, _ message: String, _ mend: String) -> PolicyAdvice {
        PolicyAdvice(
            code: code,
            place: finding.place,
            message: message,
            mend: mend,
            demanded: condition.policyValues,
            found: condition.requestValues
        )
    }
}
