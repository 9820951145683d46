// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Encoding

/// A public key as minisign writes it: base64 of `Ed`, 8 bytes that name the key, and the 32 bytes of the key.
package struct MinisignPublicKey: Sendable {
    static let idLength = 8
    private static let algorithm = Array("Ed".utf8)

    package let id: [UInt8]
    package let key: PublicKey

    /// The name of a key is chosen by its owner; here it follows from the key.
    ///
    /// - Returns: nil unless the key is an Ed25519 key.
    package init?(_ key: PublicKey) {
        guard key.algorithm == .ed25519 else { return nil }
        id = Array(Hash.digest(.sha256, key.spki).prefix(Self.idLength))
        self.key = key
    }

    package init?(base64 text: String) {
        guard let bytes = try? Base64.decode(text), bytes.count == 2 + Self.idLength + 32,
            bytes.starts(with: Self.algorithm), let key = PublicKeyText.ed25519(Array(bytes.suffix(32)))
        else { return nil }
        id = Array(bytes[2..<(2 + Self.idLength)])
        self.key = key
    }

    package var base64: String { Base64.encode(Self.algorithm + id + (PublicKeyText.raw(key) ?? [])) }

    /// The file that `minisign -p` reads.
    package var file: String { "untrusted comment: minisign public key \(idText)\n\(base64)\n" }

    /// As minisign shows it: the 8 bytes as a little-endian number.
    var idText: String { Hex.encode(id.reversed()).uppercased() }
}

/// A detached signature that `minisign -V` accepts. Both of its signatures are plain Ed25519, so a key in KMS can make them.
package struct MinisignSignature: Sendable {
    /// Of what is hashed with BLAKE2b-512 first: files of any size, in one request of KMS.
    private static let hashedAlgorithm = Array("ED".utf8)
    private static let plainAlgorithm = Array("Ed".utf8)
    private static let maximumComment = 1024

    let isHashed: Bool
    let keyID: [UInt8]
    package let signature: [UInt8]
    package let trustedComment: String
    package let globalSignature: [UInt8]

    /// What the first signature is over.
    package static func message(for file: [UInt8]) -> [UInt8] { Hash.blake2b512(file) }

    /// What the second signature is over.
    package static func globalMessage(signature: [UInt8], trustedComment: String) -> [UInt8] {
        signature + Array(trustedComment.utf8)
    }

    package init(key: MinisignPublicKey, signature: [UInt8], trustedComment: String, globalSignature: [UInt8]) {
        isHashed = true
        keyID = key.id
        self.signature = signature
        self.trustedComment = trustedComment
        self.globalSignature = globalSignature
    }

    /// Reads the four lines of a `.minisig` file; nil for anything else.
    package init?(file text: String) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        let prefix = "trusted comment: "
        guard lines.count == 4 || (lines.count == 5 && lines[4].isEmpty), lines[0].hasPrefix("untrusted comment: "),
            lines[2].hasPrefix(prefix), lines[2].utf8.count <= Self.maximumComment,
            let first = try? Base64.decode(lines[1]), first.count == 2 + MinisignPublicKey.idLength + 64,
            let global = try? Base64.decode(lines[3]), global.count == 64
        else { return nil }
        switch Array(first.prefix(2)) {
        case Self.hashedAlgorithm: isHashed = true
        case Self.plainAlgorithm: isHashed = false
        default: return nil
        }
        keyID = Array(first[2..<(2 + MinisignPublicKey.idLength)])
        signature = Array(first.suffix(64))
        trustedComment = String(lines[2].dropFirst(prefix.count))
        globalSignature = global
    }

    package var file: String {
        let algorithm = isHashed ? Self.hashedAlgorithm : Self.plainAlgorithm
        return """
            untrusted comment: signature by keybroker
            \(Base64.encode(algorithm + keyID + signature))
            trusted comment: \(trustedComment)
            \(Base64.encode(globalSignature))

            """
    }

    /// Whether it is `key`'s, over the file and over the trusted comment.
    package func isValid(for file: [UInt8], key: MinisignPublicKey) -> Bool {
        keyID == key.id
            && key.key.verify(signature, message: isHashed ? Self.message(for: file) : file, scheme: .ed25519)
            && key.key.verify(
                globalSignature,
                message: Self.globalMessage(signature: signature, trustedComment: trustedComment),
                scheme: .ed25519
            )
    }
}
