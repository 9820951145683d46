// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Encoding

/// A payload of a confidential workflow (CSE-MAW) as its services exchange it: AES-256-GCM with a random nonce of 12 bytes.
///
/// The published services bind nothing to a payload; ``open(key:additionalData:)`` takes what the caller binds, workflow and step for
/// instance, and without it is what they do.
package struct SealedPayload: Sendable, Equatable {
    /// How it is written. The three differ, and none says which it is.
    package enum Form: String, Sendable, CaseIterable {
        /// Hex of nonce, ciphertext and tag: the published protocol.
        case hex = "hex"
        /// Base64 of the same.
        case base64 = "base64"
        /// `{"ciphertext": …, "nonce": …}`, both base64, the tag behind the ciphertext.
        case object = "object"
    }

    /// 12 bytes.
    package let nonce: [UInt8]
    /// With the tag behind it.
    package let ciphertext: [UInt8]

    /// Nil for anything but this form.
    package init?(_ text: String, _ form: Form) {
        let bytes: [UInt8]
        switch form {
        case .hex:
            guard let decoded = try? Hex.decode(text) else { return nil }
            bytes = decoded
        case .base64:
            guard let decoded = try? Base64.decode(text) else { return nil }
            bytes = decoded
        case .object:
            guard let object = (try? JSON.parse(Array(text.utf8), limits: AuditLimits.json))?.object,
                object.members.count == 2,
                let nonce = object["nonce"]?.string.flatMap({ try? Base64.decode($0) }),
                nonce.count == AESGCM.nonceLength,
                let ciphertext = object["ciphertext"]?.string.flatMap({ try? Base64.decode($0) })
            else { return nil }
            bytes = nonce + ciphertext
        }
        guard bytes.count >= AESGCM.nonceLength + AESGCM.tagLength else { return nil }
        nonce = Array(bytes.prefix(AESGCM.nonceLength))
        ciphertext = Array(bytes.dropFirst(AESGCM.nonceLength))
    }

    /// Seals under a fresh nonce.
    ///
    /// - Throws: `invalidLength` for a key that is not 32 bytes.
    package init(
        sealing plaintext: [UInt8],
        key: borrowing SecretBytes,
        additionalData: [UInt8] = [],
        random: RandomSource
    ) throws(CryptographyError) {
        nonce = try random(AESGCM.nonceLength)
        ciphertext = try AESGCM.seal(plaintext, key: key, nonce: nonce, additionalData: additionalData)
    }

    package func text(_ form: Form) -> String {
        switch form {
        case .hex: Hex.encode(nonce + ciphertext)
        case .base64: Base64.encode(nonce + ciphertext)
        case .object:
            String(
                decoding: JSON.object(
                    JSONObject([
                        ("ciphertext", .string(Base64.encode(ciphertext))), ("nonce", .string(Base64.encode(nonce))),
                    ])
                ).serialized(),
                as: UTF8.self
            )
        }
    }

    /// - Throws: `authenticationFailed` for another key, other additional data, or anything changed.
    package func open(key: borrowing SecretBytes, additionalData: [UInt8] = []) throws(CryptographyError) -> SecretBytes
    {
        try AESGCM.open(ciphertext, key: key, nonce: nonce, additionalData: additionalData)
    }
}
