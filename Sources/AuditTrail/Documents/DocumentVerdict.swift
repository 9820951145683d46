// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding

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

/// Why a document is rejected, by a stable code: the first failure in this order.
package enum DocumentRejection: String, Sendable, CaseIterable {
    case malformed = "malformed-document"
    case noChecksum = "no-checksum"
    case checksumMismatch = "checksum-mismatch"
    case hashMismatch = "hash-mismatch"
    case unsigned = "unsigned"
    case unknownAlgorithm = "unknown-algorithm"
    case noKey = "no-key"
    case signatureInvalid = "signature-invalid"
    case untrustedKey = "untrusted-key"
    case signerRevoked = "signer-revoked"
    case signerNotYetValid = "signer-not-yet-valid"
    case signerExpired = "signer-expired"
    case timeMissing = "time-missing"

    /// One line for people.
    package var explanation: String {
        switch self {
        case .malformed: "is not a document of this format"
        case .noChecksum: "names no SHA-256 checksum"
        case .checksumMismatch: "the body is not the one that the checksum is of"
        case .hashMismatch: "the hash is not the one of what it says"
        case .unsigned: "has no signature"
        case .unknownAlgorithm: "names a signature algorithm that this format does not have"
        case .noKey: "names no public key: give it with --public-key"
        case .signatureInvalid: "the signature is not this key's over what it says"
        case .untrustedKey: "the signature is right, and by a key that nothing here trusts"
        case .signerRevoked: "the signer's key is revoked"
        case .signerNotYetValid: "is dated before its signer's key is valid"
        case .signerExpired: "is dated after its signer's key was valid"
        case .timeMissing: "has no time, and its signer's key is valid for a time only"
        }
    }
}

/// What a verification says of one document.
package struct DocumentVerdict: Sendable {
    /// Nil if it is accepted.
    package let rejection: DocumentRejection?
    /// More about it, by name: `trust`, `trustedAs`, `version`, `uncovered` …
    package let facts: [(name: String, value: String)]

    package static func accepted(_ facts: [(String, String)]) -> DocumentVerdict {
        DocumentVerdict(rejection: nil, facts: facts.map { (name: $0.0, value: $0.1) })
    }

    package static func rejected(_ reason: DocumentRejection, _ facts: [(String, String)] = []) -> DocumentVerdict {
        DocumentVerdict(rejection: reason, facts: facts.map { (name: $0.0, value: $0.1) })
    }

    package var isAccepted: Bool { rejection == nil }

    package subscript(_ name: String) -> String? { facts.first { $0.name == name }?.value }

    /// docs/reference/document-verify-output.schema.json
    package var json: JSONObject {
        var object = JSONObject([("verdict", isAccepted ? "accepted" : "rejected")])
        object["reason"] = rejection.map { .string($0.rawValue) }
        for fact in facts { object[fact.name] = .string(fact.value) }
        return object
    }
}

/// Members of a document.
struct DocumentReader {
    let object: JSONObject

    static func object(_ bytes: [UInt8]) throws(AuditTrailError) -> JSONObject {
        let value: JSON
        do {
            value = try JSON.parse(bytes, limits: AuditLimits.json)
        } catch {
            throw .malformed(source: "the document", error)
        }
        guard case .object(let object) = value else {
            throw .invalidDocument(JSONFieldError(path: "", problem: .wrongType(expected: "object")))
        }
        return object
    }

    func text(_ name: String) throws(JSONFieldError) -> String {
        guard let value = object[name] else { throw JSONFieldError(path: name, problem: .missing) }
        guard case .string(let text) = value else {
            throw JSONFieldError(path: name, problem: .wrongType(expected: "string"))
        }
        return text
    }
}
