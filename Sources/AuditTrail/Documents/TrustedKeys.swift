// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Encoding

/// dossier's `trusted-keys.txt`: a public key and the name of its owner a line, `#` for comments.
///
/// A signature is trusted by its key alone. What else a document says about its key (`key_id`, `signed_by`) is free text that
/// anybody can write.
package struct TrustedKeys: Sendable {
    private var names: [(key: PublicKey, name: String)] = []

    /// Keys in base64 of their SPKI, in base64 of the 32 bytes of an Ed25519 key, or as minisign writes them.
    ///
    /// - Throws: `invalidDocument` with the line of what is no key: left out, it would be missed.
    package init(text: String) throws(AuditTrailError) {
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(maxSplits: 1) { $0 == " " || $0 == "\t" }
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard let key = PublicKeyText.parse(String(first)) ?? MinisignPublicKey(base64: String(first))?.key else {
                throw .invalidDocument(
                    JSONFieldError(path: "line \(index + 1)", problem: .invalid(reason: "begins with no public key"))
                )
            }
            let name = words.count > 1 ? words[1].drop { $0 == " " || $0 == "\t" } : ""
            names.append((key, String(name)))
        }
    }

    package func name(of key: PublicKey) -> String? { names.first { $0.key == key }?.name }

    /// A line of such a file.
    package static func line(_ key: PublicKey, name: String) -> String { "\(Base64.encode(key.spki)) \(name)" }
}
