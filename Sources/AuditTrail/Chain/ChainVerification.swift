// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// Puts judged events together, in their order: links, ends, counts. Its memory does not grow with the chain.
package struct ChainVerification: Sendable {
    /// What a verifier knows from elsewhere. What it does not know is not checked, and the report says so.
    package struct Expectation: Sendable {
        /// The digest that the first event follows: verification goes on from a known point.
        package var start: Digest256?
        /// The digests with which chains end.
        package var heads: Set<Digest256> = []
        package var count: Int?

        package init() {}
    }

    private let profile: ChainProfile
    private let checksSignatures: Bool
    private let expectation: Expectation
    private var chains: [String: ChainLinker] = [:]
    private var events = 0
    private var validSignatures = 0
    private var findings: [ChainFinding] = []
    private var findingCount = 0
    private var signers: [String: Int] = [:]
    private var others: Set<String> = []

    package init(_ judge: RecordJudge, expecting expectation: Expectation = Expectation()) {
        profile = judge.profile
        checksSignatures = judge.registry != nil
        self.expectation = expectation
    }

    /// The next event of the input.
    package mutating func add(_ event: RecordJudge.Judged) {
        events += 1
        if event.isSignatureValid {
            validSignatures += 1
            if let signer = event.signer { count(signer) }
        }
        for name in event.others where others.count < AuditLimits.findings { others.insert(name) }
        event.findings.forEach { add($0) }
        guard let link = event.link else {
            for actor in chains.keys { chains[actor]?.skip() }
            return
        }
        let actor = link.actor ?? ""
        guard chains[actor] != nil || chains.count < AuditLimits.actors else {
            return add(ChainFinding(.tooManyChains, event: event.number, id: event.id))
        }
        let isSound = !event.findings.contains { $0.code == .changedEvent || $0.code == .signatureInvalid }
        let outcome = chains[actor, default: ChainLinker(after: expectation.start)].add(
            link,
            isSound: isSound,
            nextFinding: findingCount
        )
        switch outcome {
        case .linked: break
        case .new(let code): add(ChainFinding(code, event: event.number, id: event.id))
        case .reordered(let finding):
            if findings.indices.contains(finding) { findings[finding].code = .reorderedEvent }
        }
    }

    private mutating func count(_ signer: String) {
        if let index = signers.index(forKey: signer) {
            signers.values[index] += 1
        } else if signers.count < AuditLimits.findings {
            signers[signer] = 1
        }
    }

    private mutating func add(_ finding: ChainFinding) {
        findingCount += 1
        if findings.count < AuditLimits.findings { findings.append(finding) }
    }

    /// The ends of the chains so far, by actor; under the empty name where there is one chain.
    package var heads: [String: Digest256] { chains.compactMapValues(\.head) }

    /// The verdict.
    package consuming func finish() -> ChainReport {
        if events == 0 { add(ChainFinding(.noEvents)) }
        let heads = chains.map { ChainReport.Head(actor: $0.key, digest: $0.value.head, count: $0.value.count) }
            .sorted { $0.actor.utf8.lexicographicallyPrecedes($1.actor.utf8) }
        let ends = Set(heads.compactMap(\.digest))
        if !expectation.heads.isSubset(of: ends) { add(ChainFinding(.headMismatch)) }
        if let count = expectation.count, count != events {
            add(ChainFinding(.countMismatch, detail: "\(events) of \(count)"))
        }
        return ChainReport(
            profile: profile,
            events: events,
            chains: chains.count,
            heads: Array(heads.prefix(AuditLimits.findings)),
            findings: findings,
            findingCount: findingCount,
            signatures: checksSignatures ? validSignatures : nil,
            signers: signers,
            others: others.sorted(),
            isEndChecked: expectation.count != nil || (!ends.isEmpty && ends.isSubset(of: expectation.heads)),
            start: expectation.start
        )
    }
}

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
