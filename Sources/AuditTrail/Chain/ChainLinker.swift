// SPDX-License-Identifier: Apache-2.0

/// Follows one chain, event by event, and says what is wrong with its order. Its memory does not grow with the chain.
struct ChainLinker: Sendable {
    /// The end of the chain so far.
    private(set) var head: Digest256?
    private(set) var count = 0
    /// The last digests, to tell what was here already from what never was.
    private var recent = RecentDigests(capacity: AuditLimits.recentDigests)
    /// Ends of branches beside the head.
    private var branches: Set<Digest256> = []
    /// Predecessors that are not here (yet), each with the finding that says so.
    private var awaited: [Digest256: Int] = [:]
    /// Whether the event before is itself not what was signed, so that a link to what it was is no finding of its own.
    private var isBroken = false

    /// - Parameter start: the digest that the first event has to follow; nil for a chain from its beginning.
    init(after start: Digest256?) { head = start }

    /// A change to the list of findings.
    enum Outcome: Sendable {
        case linked
        case new(FindingCode)
        /// The finding with this index has turned out to be a matter of order.
        case reordered(finding: Int)
    }

    /// - Parameters:
    ///   - link: the event's digest and predecessor.
    ///   - isSound: whether nothing else is wrong with the event's hash and signature.
    ///   - nextFinding: the index that a new finding will have.
    /// - Returns: what it means for the list of findings.
    mutating func add(_ link: RecordJudge.Judged.Link, isSound: Bool, nextFinding: Int) -> Outcome {
        defer {
            count += 1
            isBroken = !isSound
        }
        let digest = link.digest
        if recent.contains(digest) { return .new(.duplicateEvent) }
        let isFirst = count == 0
        recent.insert(digest)
        if let finding = awaited.removeValue(forKey: digest) {
            // What came before belongs behind it: the end stays where it is.
            if let previous = link.previous, !recent.contains(previous), previous != head {
                expect(previous, finding)
            }
            return .reordered(finding: finding)
        }
        if link.previous == head {
            head = digest
            return .linked
        }
        if let previous = link.previous, branches.remove(previous) != nil {
            branches.insert(digest)
            return .linked
        }
        if let previous = link.previous, recent.contains(previous) {
            if branches.count < Self.maximumBranches { branches.insert(digest) }
            return .new(.forkedChain)
        }
        guard let previous = link.previous else {
            head = head ?? digest
            return .new(.secondBeginning)
        }
        let wasBroken = isBroken && !isFirst
        head = digest
        if wasBroken && isSound { return .linked }
        expect(previous, nextFinding)
        if isFirst { return .new(.droppedHead) }
        return .new(isSound ? .missingEvent : .wrongLink)
    }

    /// An event that could not be read: what follows it may follow it rightly.
    mutating func skip() { isBroken = true }

    private static let maximumBranches = 64
    private static let maximumAwaited = 1024

    private mutating func expect(_ digest: Digest256, _ finding: Int) {
        if awaited.count < Self.maximumAwaited { awaited[digest] = finding }
    }
}

/// The last so many digests.
private struct RecentDigests: Sendable {
    private let capacity: Int
    private var ring: [Digest256] = []
    private var next = 0
    private var members: Set<Digest256> = []

    init(capacity: Int) { self.capacity = capacity }

    func contains(_ digest: Digest256) -> Bool { members.contains(digest) }

    mutating func insert(_ digest: Digest256) {
        if ring.count < capacity {
            ring.append(digest)
        } else {
            members.remove(ring[next])
            ring[next] = digest
            next = (next + 1) % capacity
        }
        members.insert(digest)
    }
}
