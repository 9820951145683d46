// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import TestSupport
import Testing

struct SealedPayloadTests {
    private static func bytes(_ secret: borrowing SecretBytes) -> [UInt8] {
        secret.withBytes { span in
            (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        }
    }

    // Sealed with Python's cryptography in each of the forms that the services had.
    @Test(
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)),
        arguments: [(SealedPayload.Form.hex, "docs04_hex"), (.base64, "adb8702_base64"), (.object, "5a9b11c_object")]
    )
    func `opens what the services sealed, in each form and in no other`(form: SealedPayload.Form, name: String) throws {
        let file = try #require(try JSON.parse(try SharedData.bytes("systems/cse-maw/aes_gcm_vectors.json")).object)
        let key = try SecretBytes(copying: try Hex.decode(try #require(file["tsk_hex"]?.string)))
        let value = try #require(file[name])
        let text = value.string ?? String(decoding: value.serialized(), as: UTF8.self)
        let sealed = try #require(SealedPayload(text, form))
        let plaintext = Self.bytes(try sealed.open(key: key))
        #expect(String(decoding: plaintext, as: UTF8.self) == file["plaintext_utf8"]?.string)
        #expect(sealed.text(form) == text)
        for other in SealedPayload.Form.allCases where other != form {
            // Hex digits are base64 too, and then no ciphertext under this key.
            guard let misread = SealedPayload(text, other) else { continue }
            #expect(throws: CryptographyError.self) { _ = try misread.open(key: key) }
        }
    }

    @Test func `opens under its key and additional data alone, and not when anything is changed`() throws {
        let key = try SecretBytes(copying: [UInt8](repeating: 7, count: 32))
        let other = try SecretBytes(copying: [UInt8](repeating: 8, count: 32))
        let step = Array("workflow-1/step-2".utf8)
        let sealed = try SealedPayload(
            sealing: [1, 2, 3],
            key: key,
            additionalData: step,
            random: { count throws(CryptographyError) in try SecureRandom.bytes(count: count) }
        )
        #expect(Self.bytes(try sealed.open(key: key, additionalData: step)) == [1, 2, 3])
        #expect(throws: CryptographyError.self) { _ = try sealed.open(key: key) }
        #expect(throws: CryptographyError.self) { _ = try sealed.open(key: other, additionalData: step) }
        var bytes = try Hex.decode(sealed.text(.hex))
        for index in [0, 12, bytes.count - 1] {
            bytes[index] ^= 1
            let changed = try #require(SealedPayload(Hex.encode(bytes), .hex))
            #expect(throws: CryptographyError.self) { _ = try changed.open(key: key, additionalData: step) }
            bytes[index] ^= 1
        }
    }

    @Test(arguments: [
        "", "00", "zz", String(repeating: "0", count: 54), "{}", #"{"nonce":"AAAA","ciphertext":"AAAA"}"#,
    ])
    func `what is too short or of no form is none`(text: String) {
        for form in SealedPayload.Form.allCases {
            #expect(SealedPayload(text, form) == nil)
        }
    }
}
