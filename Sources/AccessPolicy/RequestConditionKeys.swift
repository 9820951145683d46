// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Condition keys of parts of a request, under the names and in the forms that KMS gives them. What follows from the caller
/// is in ``CallerIdentity/conditionKeys``.
package enum RequestConditionKeys: Sendable {
    /// PCR0 under its other name.
    package static let image = "kms:RecipientAttestation:ImageSha384"

    package static func pcr(_ index: Int) -> String { "kms:RecipientAttestation:PCR\(index)" }

    /// The values of a key among those of a request, whatever the case of their names; nil if it is absent. `name` is folded.
    package static func values(of name: String, in keys: [String: [String]]) -> [String]? {
        if keys.isEmpty { return nil }
        let folded = Array(name.unicodeScalars)
        var values: [String]?
        for entry in keys where ConditionValue.folds(entry.key, to: folded) {
            values = values.map { $0 + entry.value } ?? entry.value
        }
        return values
    }

    package static let encryptionContextPrefix = "kms:EncryptionContext:"

    /// What an attestation document brings in: its PCRs in lower-case hex (KMS Developer Guide, "AWS KMS condition keys for
    /// AWS Nitro Enclaves").
    package static func recipient(pcrs: [Int: [UInt8]]) -> [String: [String]] {
        var keys: [String: [String]] = [:]
        for (index, value) in pcrs { keys[pcr(index)] = [Hex.encode(value)] }
        if let value = pcrs[0] { keys[image] = [Hex.encode(value)] }
        return keys
    }

    /// `kms:EncryptionContext:NAME` for each pair, and `kms:EncryptionContextKeys`; nothing for an empty context.
    package static func encryptionContext(_ pairs: [(name: String, value: String)]) -> [String: [String]] {
        guard !pairs.isEmpty else { return [:] }
        var keys: [String: [String]] = ["kms:EncryptionContextKeys": pairs.map(\.name)]
        for pair in pairs {
            // Condition keys are looked up without regard to case: names that differ in case alone are one key, of
            // several values.
            keys["\(encryptionContextPrefix)\(pair.name)", default: []].append(pair.value)
        }
        return keys
    }
}
