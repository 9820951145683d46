// SPDX-License-Identifier: Apache-2.0

import KMSProtocol

/// Names of brokers and keyrings: 1 to 64 bytes of `[A-Za-z0-9._-]`, so that they can stand in ARNs, paths, log lines
/// and `user_data` without quoting.
package enum BrokerIdentifier: Sendable {
    /// Bytes. Two of these fit into `user_data` beside everything else.
    package static let maximumLength = 64

    package static func isValid(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...maximumLength).contains(bytes.count) else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

/// AWS's names of accounts, regions and keys, as far as a broker must judge them.
package enum AWSIdentifier: Sendable {
    /// Twelve digits.
    package static func isAccount(_ text: String) -> Bool {
        text.utf8.count == 12 && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Lower-case letters, digits and hyphens, at most 32: `us-east-1`, `us-gov-west-1`.
    package static func isRegion(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.allSatisfy(isLowerAlphanumericOrHyphen)
    }

    /// `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`: the full ARN of a key. An alias is refused, because whoever may
    /// change aliases could point it at another key.
    package static func isKeyARN(_ text: String) -> Bool {
        // The longest real ones have about 90 characters; the bound keeps key derivation's info string short.
        guard text.utf8.count <= 256, let arn = KMSARN(text), case .key = arn.resource else { return false }
        return true
    }

    private static func isLowerAlphanumericOrHyphen(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
