// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Encoding

/// A dossier: JSON frontmatter, and a body whose SHA-256 is its checksum. The signature covers the body; nothing covers the
/// frontmatter.
package struct Dossier: Sendable {
    package private(set) var frontmatter: JSONObject
    /// What is hashed and signed: everything behind the frontmatter's closing line and the white space that follows it.
    package let body: [UInt8]
    /// The lines around the frontmatter, as they were.
    private let opening: [UInt8]
    private let closing: [UInt8]

    private static let start = Array("---dossier".utf8)
    private static let end = Array("\n---".utf8)

    /// - Throws: `invalidDocument`, or `malformed` for frontmatter that is not JSON.
    package init(_ bytes: [UInt8]) throws(AuditTrailError) {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw Self.invalid("is not UTF-8") }
        guard bytes.starts(with: Self.start), let first = Self.lineEnd(bytes, Self.start.count) else {
            throw Self.invalid("does not begin with ---dossier on a line of its own")
        }
        guard let (textEnd, bodyStart) = Self.closing(bytes, from: first - 1) else {
            throw Self.invalid("has no line --- that ends the frontmatter")
        }
        let text = Array(bytes[min(first, textEnd)..<textEnd])
        frontmatter = try DocumentReader.object(text)
        opening = Array(bytes[..<first])
        closing = Array(bytes[textEnd..<bodyStart])
        body = Array(bytes[bodyStart...])
    }

    private static func invalid(_ reason: String) -> AuditTrailError {
        .invalidDocument(JSONFieldError(path: "the dossier", problem: .invalid(reason: reason)))
    }

    /// The first `\n---` from `start` on that only white space follows up to a line's end: where it begins, and where the body does.
    private static func closing(_ bytes: [UInt8], from start: Int) -> (textEnd: Int, bodyStart: Int)? {
        var position = start
        while position + end.count <= bytes.count {
            if bytes[position] == 0x0A, bytes[position...].starts(with: end),
                let bodyStart = lineEnd(bytes, position + end.count)
            {
                return (position, bodyStart)
            }
            position += 1
        }
        return nil
    }

    /// Behind the last line feed of the white space at `start`, as the `\s*\n` of the systems' own readers matches: empty lines
    /// before the body are not part of it.
    private static func lineEnd(_ bytes: [UInt8], _ start: Int) -> Int? {
        var last: Int?
        var position = start
        while let length = whiteSpace(bytes, position) {
            position += length
            if bytes[position - 1] == 0x0A { last = position }
        }
        return last
    }

    /// Bytes of the white space character (ECMA-262 section 12.2 and 12.3) at `position`.
    private static func whiteSpace(_ bytes: [UInt8], _ position: Int) -> Int? {
        guard position < bytes.count else { return nil }
        if (0x09...0x0D).contains(bytes[position]) || bytes[position] == 0x20 { return 1 }
        let others: [[UInt8]] = [
            [0xC2, 0xA0], [0xE1, 0x9A, 0x80], [0xE2, 0x80, 0xA8], [0xE2, 0x80, 0xA9], [0xE2, 0x80, 0xAF],
            [0xE2, 0x81, 0x9F],
            [0xE3, 0x80, 0x80], [0xEF, 0xBB, 0xBF],
        ]
        let rest = bytes[position...]
        if let found = others.first(where: { rest.starts(with: $0) }) { return found.count }
        // U+2000 to U+200A.
        if rest.count > 2, rest.starts(with: [0xE2, 0x80]), (0x80...0x8A).contains(bytes[position + 2]) { return 3 }
        return nil
    }

    // MARK: Signing

    /// What its frontmatter has to state, and what KMS signs.
    package var checksum: [UInt8] { Hash.digest(.sha256, body) }

    /// Notes a signature that covers the body, and its checksum. Every other member stays as it is.
    package mutating func sign(_ signature: DossierSignature) {
        frontmatter["checksum"] = ["algorithm": "sha256", "hash": .string(Hex.encode(checksum))]
        frontmatter["signature"] = signature.json
    }

    /// The file. Frontmatter is indented by two spaces, as the systems' own tools write it.
    package var serialized: [UInt8] {
        opening + JSON.object(frontmatter).serialized(pretty: true) + closing + body
    }

    // MARK: Verifying

    package func verify(_ trust: DocumentTrust) -> DocumentVerdict {
        var facts = [("uncovered", "frontmatter")]
        guard let checksum = frontmatter["checksum"]?.object, checksum["algorithm"]?.string == "sha256",
            let claimed = checksum["hash"]?.string.flatMap({ Digest256(hex: $0) })
        else { return .rejected(.noChecksum, facts) }
        guard claimed.bytes == self.checksum else { return .rejected(.checksumMismatch, facts) }
        guard let value = frontmatter["signature"], value != .null else { return .rejected(.unsigned, facts) }
        let signature: DossierSignature
        do {
            signature = try DossierSignature(value)
        } catch {
            return .rejected(error, facts)
        }
        // What the signer says about itself, which nothing covers.
        if let keyID = signature.keyID { facts.append(("keyId", keyID)) }
        if let signedBy = signature.signedBy { facts.append(("signedBy", signedBy)) }
        if let signedAt = signature.signedAt { facts.append(("signedAt", signedAt)) }
        let key = trust.pinned ?? signature.publicKey
        let isValid =
            switch signature.algorithm {
            case .ecdsaSHA256: key.verify(signature.signature, message: body, scheme: .ecdsa(.sha256))
            case .ed25519: key.verify(signature.signature, message: body, scheme: .ed25519)
            }
        guard isValid else { return .rejected(.signatureInvalid, facts) }
        return trust.judge(key, at: signature.signedAt.flatMap { Timestamp(rfc3339: $0) }, facts)
    }
}
