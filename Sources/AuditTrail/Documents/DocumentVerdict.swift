// SPDX-License-Identifier: Apache-2.0

package import Encoding

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

    /// The same with more about it, and rejected if there is a reason for that now.
    package func adding(_ more: [(String, String)], rejection reason: DocumentRejection? = nil) -> DocumentVerdict {
        DocumentVerdict(rejection: rejection ?? reason, facts: facts + more.map { (name: $0.0, value: $0.1) })
    }

    package subscript(_ name: String) -> String? { facts.first { $0.name == name }?.value }

    /// docs/reference/document-verify-output.schema.json
    package var json: JSONObject {
        var object = JSONObject([("verdict", isAccepted ? "accepted" : "rejected")])
        object["reason"] = rejection.map { .string($0.rawValue) }
        for fact in facts { object[fact.name] = .string(fact.value) }
        return object
    }
}
