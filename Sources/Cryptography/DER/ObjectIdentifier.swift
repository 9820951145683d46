// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Object identifiers in dotted text.
enum ObjectIdentifier: Sendable {
    static let rsaEncryption = "1.2.840.113549.1.1.1"
    static let ecPublicKey = "1.2.840.10045.2.1"
    static let ed25519 = "1.3.101.112"
    static let prime256v1 = "1.2.840.10045.3.1.7"
    static let secp384r1 = "1.3.132.0.34"
    static let secp521r1 = "1.3.132.0.35"
    static let secp256k1 = "1.3.132.0.10"

    static let sha256WithRSAEncryption = "1.2.840.113549.1.1.11"
    static let sha384WithRSAEncryption = "1.2.840.113549.1.1.12"
    static let sha512WithRSAEncryption = "1.2.840.113549.1.1.13"
    static let ecdsaWithSHA256 = "1.2.840.10045.4.3.2"
    static let ecdsaWithSHA384 = "1.2.840.10045.4.3.3"
    static let ecdsaWithSHA512 = "1.2.840.10045.4.3.4"

    static let subjectKeyIdentifier = "2.5.29.14"
    static let keyUsage = "2.5.29.15"
    static let subjectAlternativeName = "2.5.29.17"
    static let extendedKeyUsage = "2.5.29.37"
    static let serverAuthentication = "1.3.6.1.5.5.7.3.1"
    static let basicConstraints = "2.5.29.19"
    static let authorityKeyIdentifier = "2.5.29.35"

    /// Longer than any identifier in use.
    private static let maximumLength = 64

    /// Dotted text of the encoded content.
    static func text(_ input: Span<UInt8>, _ content: Range<Int>) throws(DERError) -> String {
        guard !content.isEmpty, content.count <= maximumLength else { throw DERError() }
        var text = ""
        var arc: UInt64 = 0
        var isInside = false
        for index in content {
            let byte = input[index]
            // Shortest form: no leading zero septet. Arcs above 2^56 (UUIDs) occur in nothing that is read here.
            guard isInside || byte != 0x80, arc < 1 << 49 else { throw DERError() }
            arc = arc << 7 | UInt64(byte & 0x7f)
            isInside = byte & 0x80 != 0
            if !isInside {
                if text.isEmpty {
                    let root = min(arc / 40, 2)
                    text = "\(root).\(arc - 40 * root)"
                } else {
                    text += ".\(arc)"
                }
                arc = 0
            }
        }
        guard !isInside else { throw DERError() }
        return text
    }

    /// Encoded content of dotted text; nil for what is no identifier.
    static func content(_ text: String) -> [UInt8]? {
        let arcs = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt64($0) }
        guard arcs.count >= 2, let root = arcs[0], let second = arcs[1], root <= 2, second < (root < 2 ? 40 : 1 << 48)
        else { return nil }
        var content = septets(40 * root + second)
        for arc in arcs.dropFirst(2) {
            guard let arc, arc < 1 << 56 else { return nil }
            content += septets(arc)
        }
        return content.count <= maximumLength ? content : nil
    }

    /// What OpenSSL calls it; the dotted text itself where it has no name.
    static func longName(_ dotted: String) -> String {
        Library.setUp()
        guard let object = unsafe OBJ_txt2obj(dotted, 1) else {
            ERR_clear_error()
            return dotted
        }
        defer { unsafe ASN1_OBJECT_free(object) }
        let number = unsafe OBJ_obj2nid(object)
        guard number != NID_undef, let name = unsafe OBJ_nid2ln(number) else { return dotted }
        return unsafe String(cString: name)
    }

    private static func septets(_ value: UInt64) -> [UInt8] {
        var bytes = [UInt8(value & 0x7f)]
        var rest = value >> 7
        while rest > 0 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes.reversed()
    }
}
