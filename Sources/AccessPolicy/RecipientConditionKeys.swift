// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The condition keys that an attestation document brings into a request (KMS Developer Guide, "AWS KMS condition keys for
/// AWS Nitro Enclaves"): absent without a document.
package enum RecipientConditionKeys: Sendable {
    /// PCR0 under its other name.
    package static let image = "kms:RecipientAttestation:ImageSha384"

    package static func pcr(_ index: Int) -> String { "kms:RecipientAttestation:PCR\(index)" }

    /// Of a document's PCRs: lower-case hex.
    package static func values(pcrs: [Int: [UInt8]]) -> [String: [String]] {
        var keys: [String: [String]] = [:]
        for (index, value) in pcrs { keys[pcr(index)] = [Hex.encode(value)] }
        if let value = pcrs[0] { keys[image] = [Hex.encode(value)] }
        return keys
    }
}
