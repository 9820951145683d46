// SPDX-License-Identifier: Apache-2.0

/// The forms in which a request names a key (API Reference, KeyId).
package enum KeyReference: Sendable, Hashable {
    /// A UUID in lower case, or `mrk-` and 32 hex digits.
    case id(String)
    /// `arn:aws:kms:REGION:ACCOUNT:key/ID`
    case arn(String)
    /// `alias/name`
    case alias(String)
    /// `arn:aws:kms:REGION:ACCOUNT:alias/name`
    case aliasARN(String)

    /// Nil for a text of none of the forms.
    package init?(_ text: String) {
        guard text.utf8.count <= KMSLimits.keyID.upperBound else { return nil }
        if let arn = KMSARN(text) {
            switch arn.resource {
            case .key: self = .arn(text)
            case .alias: self = .aliasARN(text)
            }
        } else if Self.isKeyID(text) {
            self = .id(text)
        } else if Self.isAliasName(text) {
            self = .alias(text)
        } else {
            return nil
        }
    }

    /// Whether the text is a UUID (RFC 9562, lower case) or a multi-region key id.
    package static func isKeyID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        if text.hasPrefix("mrk-") {
            return bytes.count == 36 && bytes.dropFirst(4).allSatisfy(isLowerHex)
        }
        guard bytes.count == 36 else { return false }
        return bytes.enumerated().allSatisfy { offset, byte in
            switch offset {
            case 8, 13, 18, 23: byte == UInt8(ascii: "-")
            default: isLowerHex(byte)
            }
        }
    }

    /// Whether the text is `alias/` and a name of `[a-zA-Z0-9/_-]`, 256 characters at most.
    package static func isAliasName(_ text: String) -> Bool {
        guard text.hasPrefix("alias/"), text.utf8.count <= KMSLimits.aliasName.upperBound else { return false }
        let name = text.utf8.dropFirst("alias/".utf8.count)
        return !name.isEmpty && name.allSatisfy(isAliasByte)
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    private static func isAliasByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// The ARN of a key or an alias, in its parts.
package struct KMSARN: Sendable, Hashable, CustomStringConvertible {
    package enum Resource: Sendable, Hashable {
        /// The id without `key/`.
        case key(String)
        /// The name with its prefix: `alias/name`.
        case alias(String)
    }

    package let partition: String
    package let region: String
    package let account: String
    package let resource: Resource

    /// Nil for anything but `arn:aws…:kms:REGION:TWELVE DIGITS:key/ID` or `…:alias/NAME`.
    package init?(_ text: String) {
        // Most texts that are none say so at once.
        guard text.hasPrefix("arn:"), text.utf8.count <= KMSLimits.keyID.upperBound else { return nil }
        // By bytes, not by characters: each part is found to be ASCII below, and this runs for each request.
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 5, omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard parts.count == 6, parts[0] == "arn", parts[2] == "kms" else { return nil }
        guard parts[1] == "aws" || parts[1].hasPrefix("aws-"), parts[1].utf8.allSatisfy(Self.isRegionByte) else {
            return nil
        }
        guard !parts[3].isEmpty, parts[3].utf8.allSatisfy(Self.isRegionByte) else { return nil }
        guard parts[4].utf8.count == 12, parts[4].utf8.allSatisfy(Self.isDigit) else { return nil }
        partition = parts[1]
        region = parts[3]
        account = parts[4]
        if parts[5].hasPrefix("key/") {
            let id = String(parts[5].dropFirst(4))
            guard KeyReference.isKeyID(id) else { return nil }
            resource = .key(id)
        } else {
            guard KeyReference.isAliasName(parts[5]) else { return nil }
            resource = .alias(parts[5])
        }
    }

    /// Makes the ARN of a resource whose id or name ``KeyReference`` accepts.
    package init(partition: String = "aws", region: String, account: String, resource: Resource) {
        self.partition = partition
        self.region = region
        self.account = account
        self.resource = resource
    }

    package var description: String {
        let resource =
            switch resource {
            case .key(let id): "key/\(id)"
            case .alias(let name): name
            }
        return "arn:\(partition):kms:\(region):\(account):\(resource)"
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isRegionByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "-")
    }
}
