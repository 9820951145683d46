// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The key policy under which AWS KMS, or the development KMS, releases a TSK to one enclave only.
enum DemoPolicy: Sendable {
    /// `administrator` is the ARN that keeps `kms:*`, `host` the one that the relay signs as; PCRs have 48 bytes.
    static func unlock(administrator: String, host: String, pcr0: [UInt8], pcr16: [UInt8]) -> JSON {
        let image: JSON = ["kms:RecipientAttestation:ImageSha384": .string(Hex.encode(pcr0))]
        let configuration: JSON = ["kms:RecipientAttestation:PCR16": .string(Hex.encode(pcr16))]
        return [
            "Version": "2012-10-17",
            "Statement": [
                [
                    "Sid": "Administration", "Effect": "Allow", "Principal": ["AWS": .string(administrator)],
                    "Action": "kms:*", "Resource": "*",
                ],
                [
                    "Sid": "RelayMayAsk", "Effect": "Allow", "Principal": ["AWS": .string(host)],
                    "Action": "kms:Decrypt", "Resource": "*",
                ],
                // Two statements: keys within one Condition block are ANDed, so a Deny with both would let through
                // whoever has one of them right.
                [
                    "Sid": "NoOtherImage", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt",
                    "Resource": "*", "Condition": ["StringNotEqualsIgnoreCase": image],
                ],
                [
                    "Sid": "NoOtherConfiguration", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt",
                    "Resource": "*", "Condition": ["StringNotEqualsIgnoreCase": configuration],
                ],
                [
                    "Sid": "NothingElseMovesTheTSK", "Effect": "Deny", "Principal": "*",
                    "Action": ["kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant"],
                    "Resource": "*",
                ],
            ],
        ]
    }
}
