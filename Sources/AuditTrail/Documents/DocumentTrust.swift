// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Encoding

/// Whose signatures on a document count. A key that a document brings along is never trusted for being there.
package enum DocumentTrust: Sendable {
    /// This key and no other, whatever the document says.
    case key(PublicKey)
    /// The keys of a registry, within their validity.
    case registry(SignerRegistry)
    /// The keys of a list.
    case keys(TrustedKeys)
    /// Any key: the signature is checked, and who made it is left open.
    case anyone

    var pinned: PublicKey? {
        if case .key(let key) = self { key } else { nil }
    }

    /// The verdict on a document whose signature by `key` is right.
    func judge(_ key: PublicKey, at time: Timestamp?, _ facts: [(String, String)]) -> DocumentVerdict {
        switch self {
        case .key(let pinned):
            guard pinned == key else { return .rejected(.untrustedKey, facts) }
            return .accepted(facts + [("trust", "pinned")])
        case .anyone: return .accepted(facts + [("trust", "unchecked")])
        case .keys(let list):
            guard let name = list.name(of: key) else { return .rejected(.untrustedKey, facts) }
            return .accepted(facts + [("trust", "listed"), ("trustedAs", name)])
        case .registry(let registry):
            guard let signer = registry.signer(withKey: key.spki) else { return .rejected(.untrustedKey, facts) }
            let facts = facts + [("trustedAs", signer.id)]
            if let refusal = signer.refusal(at: time) {
                return .rejected(DocumentRejection(rawValue: refusal.rawValue) ?? .untrustedKey, facts)
            }
            return .accepted(facts + [("trust", "registry")])
        }
    }
}
