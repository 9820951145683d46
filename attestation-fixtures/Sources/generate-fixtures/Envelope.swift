// SPDX-License-Identifier: Apache-2.0

import CBOR

/// A COSE_Sign1 written item by item, so that each can be wrong. Not by the product's own encoder: what that one and
/// the verifier might agree on wrongly, these bytes would show.
struct Envelope {
    static let es384: [UInt8] = [0xa1, 0x01, 0x38, 0x22]

    /// Bytes before the array: a tag.
    var head: [UInt8] = []
    /// The array's head.
    var array: [UInt8] = [0x84]
    var protectedHeader = es384
    /// Encoded.
    var unprotectedHeader: [UInt8] = [0xa0]
    /// Encoded.
    var payload: [UInt8]
    var signature: [UInt8]
    /// Bytes after it.
    var tail: [UInt8] = []

    /// Signs with `key` over the protected header that is given.
    init(payload: [UInt8], key: TestKey, half: TestKey.Half? = nil, protectedHeader: [UInt8] = es384) throws {
        self.payload = Self.byteString(payload)
        self.protectedHeader = protectedHeader
        self.signature = try key.sign(Self.sigStructure(protectedHeader, payload), half: half)
    }

    /// RFC 9052 section 4.4.
    private static func sigStructure(_ protectedHeader: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        var writer = CBORWriter()
        writer.arrayHeader(4)
        writer.text("Signature1")
        writer.byteString(protectedHeader)
        writer.byteString([])
        writer.byteString(payload)
        return writer.bytes
    }

    static func byteString(_ bytes: [UInt8]) -> [UInt8] {
        CBORValue.bytes(bytes).encoded()
    }

    var bytes: [UInt8] {
        head + array + Self.byteString(protectedHeader) + unprotectedHeader + payload + Self.byteString(signature)
            + tail
    }
}
