// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import TestSupport

/// A published test key: PKCS #1, in DER.
func recordedKey(_ path: String) throws -> PrivateKey {
    var rest = Base64.encode(try SharedData.bytes(path))[...]
    var pem = "-----BEGIN RSA PRIVATE KEY-----\n"
    while !rest.isEmpty {
        pem += "\(rest.prefix(64))\n"
        rest = rest.dropFirst(64)
    }
    pem += "-----END RSA PRIVATE KEY-----\n"
    return try PrivateKey(pem: SecretBytes(copying: [UInt8](pem.utf8)))
}

/// Builds envelopes piece by piece, so that each test's is wrong in one piece. Without a change it gives the very bytes
/// that KMS sends (a test says so).
struct EnvelopeBuilder {
    static let envelopedData = oid("2a864886f70d010703")
    static let data = oid("2a864886f70d010701")
    static let rsaesOAEP = oid("2a864886f70d010107")
    static let rsaEncryption = oid("2a864886f70d010101")
    static let mgf1 = oid("2a864886f70d010108")
    static let pSpecified = oid("2a864886f70d010109")
    static let sha1 = oid("2b0e03021a")
    static let sha256 = oid("608648016503040201")
    static let sha384 = oid("608648016503040202")
    static let aes128CBC = oid("608648016503040102")
    static let aes256CBC = oid("60864801650304012a")
    static let aes256GCM = oid("60864801650304012e")
    static let des3CBC = oid("2a864886f70d0307")
    static let null: [UInt8] = [0x05, 0x00]
    static let end: [UInt8] = [0, 0]

    var contentType = envelopedData
    var version: [UInt8] = [0x02, 0x01, 0x02]
    var beforeRecipients: [UInt8] = []
    var recipientVersion: [UInt8] = [0x02, 0x01, 0x02]
    var recipientIdentifier: [UInt8]
    var keyTransport = rsaesOAEP
    var oaepParameters = oaep(hash: sha256 + null, mask: sha256 + null)
    var encryptedKey: [UInt8]
    /// Nil: the one that the fields above say.
    var recipients: [UInt8]?
    var innerContentType = data
    var cipher = aes256CBC
    var cipherParameters: [UInt8]
    var content: [UInt8]
    var afterContent: [UInt8] = []
    var trailing: [UInt8] = []

    /// The pieces of a message of KMS's shape whose ciphertext is one chunk of less than 128 bytes.
    init(takingApart message: [UInt8]) {
        recipientIdentifier = Self.tlv(0x80, message[33..<65])
        encryptedKey = Self.tlv(0x04, message[131..<387])
        cipherParameters = Self.tlv(0x04, message[415..<431])
        let count = Int(message[434])
        content = Self.chunks([[UInt8](message[435..<435 + count])])
    }

    var recipient: [UInt8] {
        Self.tlv(
            0x30,
            recipientVersion + recipientIdentifier + Self.tlv(0x30, keyTransport + oaepParameters) + encryptedKey
        )
    }

    var encryptedContentInfo: [UInt8] {
        innerContentType + Self.tlv(0x30, cipher + cipherParameters) + content
    }

    var encoded: [UInt8] {
        Self.indefinite(
            0x30,
            contentType
                + Self.indefinite(
                    0xa0,
                    Self.indefinite(
                        0x30,
                        version + beforeRecipients + Self.tlv(0x31, recipients ?? recipient)
                            + Self.indefinite(0x30, encryptedContentInfo) + afterContent
                    )
                )
        ) + trailing
    }

    // MARK: Pieces

    static func oid(_ hex: String) -> [UInt8] { tlv(0x06, bytes(hex)) }

    static func oaep(hash: [UInt8], mask: [UInt8], more: [UInt8] = []) -> [UInt8] {
        tlv(0x30, tlv(0xa0, tlv(0x30, hash)) + tlv(0xa1, tlv(0x30, mgf1 + tlv(0x30, mask))) + more)
    }

    /// [0] of indefinite length with an OCTET STRING for each chunk.
    static func chunks(_ chunks: [[UInt8]]) -> [UInt8] {
        indefinite(0xa0, chunks.flatMap { tlv(0x04, $0) })
    }

    static func indefinite(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] { [tag, 0x80] + contents + end }

    static func tlv(_ tag: UInt8, _ contents: some Collection<UInt8>) -> [UInt8] {
        let count = contents.count
        return switch count {
        case ..<128: [tag, UInt8(count)] + contents
        case ..<256: [tag, 0x81, UInt8(count)] + contents
        default: [tag, 0x82, UInt8(count >> 8), UInt8(count & 0xff)] + contents
        }
    }

    static func bytes(_ hex: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = hex[...]
        while let byte = UInt8(rest.prefix(2), radix: 16) {
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
