// SPDX-License-Identifier: Apache-2.0

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
