// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// What a verification found.
package struct ChainReport: Sendable {
    package struct Head: Sendable {
        /// Empty for profiles with one chain.
        package let actor: String
        package let digest: Digest256?
        package let count: Int
    }

    package let profile: ChainProfile
    package let events: Int
    package let chains: Int
    /// At most so many as findings.
    package let heads: [Head]
    /// The first of them, in the order of the input.
    package let findings: [ChainFinding]
    package let findingCount: Int
    /// Valid ones; nil where no registry was given.
    package let signatures: Int?
    /// How many valid signatures each made.
    package let signers: [String: Int]
    /// Members beyond those of the systems in use, which the digest does not cover.
    package let others: [String]
    /// Whether events that are missing at the end would have been found.
    package let isEndChecked: Bool
    package let start: Digest256?

    package var isAccepted: Bool { findingCount == 0 }

    /// What can be changed without being found out.
    package var uncovered: [RecordField] {
        RecordField.allCases.filter { !profile.covered.contains($0) && ($0 != .other || !others.isEmpty) }
    }

    /// docs/reference/audit-verify-output.schema.json
    package var json: JSON {
        var object = JSONObject([
            ("verdict", isAccepted ? "accepted" : "rejected"), ("profile", .string(profile.rawValue)),
            ("events", .init(events)), ("chains", .init(chains)),
        ])
        object["reason"] = findings.first.map { .string($0.code.rawValue) }
        object["signatures"] = signatures.map { .init($0) } ?? "unchecked"
        object["end"] = isEndChecked ? "checked" : "unchecked"
        object["start"] = start.map { .string($0.hex) } ?? "beginning"
        object["uncovered"] = .array(uncovered.map { .string($0.rawValue) })
        object["uncoveredMembers"] = .array(others.map { .string($0) })
        object["heads"] = .array(
            heads.map { head in
                var object = JSONObject([("digest", head.digest.map { .string($0.hex) } ?? .null)])
                if profile.isPerActor { object["actor"] = .string(head.actor) }
                object["events"] = .init(head.count)
                return .object(object)
            }
        )
        object["signers"] = .object(
            JSONObject(signers.sorted { $0.key < $1.key }.map { ($0.key, JSON($0.value)) })
        )
        object["findingCount"] = .init(findingCount)
        object["findings"] = .array(findings.map(\.json))
        return .object(object)
    }
}

extension ChainFinding {
    fileprivate var json: JSON {
        var object = JSONObject([("code", .string(code.rawValue))])
        object["event"] = event.map { .init($0) }
        object["id"] = id.map { .string($0) }
        object["detail"] = detail.map { .string($0) }
        return .object(object)
    }
}

extension JSON {
    fileprivate init(_ number: Int) { self = .number(JSONNumber(Int64(number))) }
}
