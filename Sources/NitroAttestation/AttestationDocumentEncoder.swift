// SPDX-License-Identifier: Apache-2.0

package import CBOR
package import COSE
package import Cryptography
import Encoding

/// Writes documents in the form that AWS's modules give them: for the software module and for fixtures. A relying party
/// never encodes: it verifies the bytes that it received.
package enum AttestationDocumentEncoder: Sendable {
    /// The payload, with absent optionals as null, as every document seen from AWS has them. Nothing is checked:
    /// fixtures need wrong documents too.
    ///
    /// The outer map is of indefinite length in AWS's documents since 2025, definite before; what is in it is always
    /// definite.
    package static func payload(_ document: AttestationDocument, indefiniteMap: Bool = true) -> [UInt8] {
        payload(fields: fields(document), indefiniteMap: indefiniteMap)
    }

    /// The fields of a document in AWS's order.
    package static func fields(_ document: AttestationDocument) -> CBORMap {
        let pcrs = document.pcrs.sorted { $0.key < $1.key }
        return CBORMap([
            (.text("module_id"), .text(document.moduleID)),
            (.text("digest"), .text(document.digest)),
            (.text("timestamp"), .integer(document.timestamp.milliseconds)),
            (.text("pcrs"), .map(CBORMap(pcrs.map { (.integer(Int64($0.key)), .bytes($0.value)) }))),
            (.text("certificate"), .bytes(document.certificate)),
            (.text("cabundle"), .array(document.cabundle.map { .bytes($0) })),
            (.text("public_key"), optional(document.publicKey)),
            (.text("user_data"), optional(document.userData)),
            (.text("nonce"), optional(document.nonce)),
        ])
    }

    /// The payload with the given fields, in the given order, whatever they are.
    package static func payload(fields: CBORMap, indefiniteMap: Bool) -> [UInt8] {
        var writer = CBORWriter()
        if indefiniteMap {
            writer.indefiniteMapHeader()
        } else {
            writer.mapHeader(fields.entries.count)
        }
        for entry in fields.entries {
            writer.value(entry.key, mapOrder: .asGiven)
            writer.value(entry.value, mapOrder: .asGiven)
        }
        if indefiniteMap { writer.breakCode() }
        return writer.bytes
    }

    /// The document: an untagged COSE_Sign1 with ES384 in the protected header and nothing in the unprotected one.
    ///
    /// `key` is the P-384 key of the document's certificate.
    ///
    /// - Throws: `COSEError` if the key cannot sign with ES384.
    package static func signed(payload: [UInt8], key: PrivateKey) throws(COSEError) -> [UInt8] {
        try COSESign1.sign(payload: payload, algorithm: .es384, key: key)
    }

    private static func optional(_ bytes: [UInt8]?) -> CBORValue {
        if let bytes { .bytes(bytes) } else { .null }
    }
}
