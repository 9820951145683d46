// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// Takes the secret out of a KMS answer before anything else reads it.
///
/// The parser would put it into a `String`, which cannot be wiped. So the base64 text of `"Plaintext"` is decoded from
/// the received bytes straight into locked memory and overwritten with `A`s where it stood; what is parsed then holds
/// nothing. A quoted name cannot occur within a JSON string unescaped, so finding it is enough.
enum PlaintextMember: Sendable {
    /// - Returns: The secret, or nil if the answer has no such member or it is not base64.
    static func take(from body: inout [UInt8]) throws(CryptographyError) -> SecretBytes? {
        guard let text = SecretMember.range(of: "Plaintext", in: body) else { return nil }
        return try SecretBase64.take(text, of: &body)
    }
}

/// Finds secrets in answers by their bytes.
enum SecretMember: Sendable {
    /// Where the text between the quotes of the value of the first member `name` stands; nil if there is none.
    static func range(of name: String, in body: [UInt8]) -> Range<Int>? {
        let name = Array("\"\(name)\"".utf8)
        guard body.count > name.count,
            let start = (0...(body.count - name.count)).first(where: {
                body[$0..<($0 + name.count)].elementsEqual(name)
            })
        else { return nil }
        var index = start + name.count
        func skipSpace() {
            while index < body.count, [0x20, 0x09, 0x0A, 0x0D].contains(body[index]) { index += 1 }
        }
        skipSpace()
        guard index < body.count, body[index] == UInt8(ascii: ":") else { return nil }
        index += 1
        skipSpace()
        guard index < body.count, body[index] == UInt8(ascii: "\"") else { return nil }
        let first = index + 1
        guard let end = body[first...].firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        return first..<end
    }
}
