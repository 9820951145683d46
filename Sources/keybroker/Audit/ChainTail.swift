// SPDX-License-Identifier: Apache-2.0

import AuditTrail

/// The end of a chain in a file, whose digests and links are right.
struct ChainTail {
    /// Bytes of a file's end that are read, some ten thousand events: to append takes as long to a chain of a million as to one of
    /// ten thousand. Shorter chains are read whole.
    static let length = 4 << 20

    /// What keeps a chain from being gone on with.
    enum Problem: Error {
        /// The input ends within a record, which begins behind so many bytes of it.
        case incomplete(after: Int)
        case broken(String)
        case unreadable(CommandFailure)
    }

    /// The ends of its chains, by actor; under the empty name where there is one chain.
    private(set) var heads: [String: Digest256] = [:]
    private(set) var last: AuditRecord?
    /// Events that were read.
    private(set) var count = 0
    /// Whether those are all.
    private(set) var isWhole = true

    /// Of a chain without events.
    init() {}

    /// Of the bytes that `read` returns, from the beginning of a record on; none at the end.
    init(_ profile: ChainProfile, isWhole: Bool, read: @escaping () throws(CommandFailure) -> [UInt8])
        throws(Problem)
    {
        self.isWhole = isWhole
        let judge = RecordJudge(profile: profile, registry: nil)
        var stream = JSONValueStream(read: read)
        var verification: ChainVerification?
        do {
            var taken = 0
            while let bytes = try Self.next(&stream, after: taken) {
                taken = stream.offset
                count += 1
                let record = try AuditRecord(bytes, source: "event \(count)")
                if verification == nil { verification = .init(judge, expecting: try Self.start(record, isWhole)) }
                verification?.add(judge.judge(record, number: count))
                last = record
            }
        } catch let problem as Problem {
            throw problem
        } catch let failure as CommandFailure {
            throw .unreadable(failure)
        } catch {
            throw .broken("\(error)")
        }
        heads = verification?.heads ?? [:]
        let findings = verification?.finish().findings ?? []
        if let finding = findings.first {
            throw .broken(
                "event \(finding.event ?? 0): \(finding.code.rawValue): it \(finding.code.explanation)"
            )
        }
    }

    private static func next(_ stream: inout JSONValueStream<CommandFailure>, after taken: Int) throws -> [UInt8]? {
        do {
            return try stream.next()
        } catch AuditTrailError.unexpectedEnd {
            throw Problem.incomplete(after: taken)
        }
    }

    /// The first event of a part follows what is before the part.
    private static func start(_ first: AuditRecord, _ isWhole: Bool) throws(Problem) -> ChainVerification.Expectation {
        var expectation = ChainVerification.Expectation()
        if !isWhole {
            guard let previous = first.previous else { throw .broken("a second event without predecessor") }
            expectation.start = previous
        }
        return expectation
    }
}
