// SPDX-License-Identifier: Apache-2.0

import Encoding

extension Array where Element == AuditRecord {
    /// Records that claim their hashes, in the order in which those link them, from the one without predecessor on.
    ///
    /// Nothing is hashed here: whoever relies on the order verifies the chain.
    ///
    /// - Throws: `AuditTrailError` if they are not exactly one unforked chain from its first event on.
    package func sortedByLinks() throws(AuditTrailError) -> [AuditRecord] {
        guard count <= AuditLimits.sortedEvents else { throw .tooManyEvents }
        var first: AuditRecord?
        var hashes: Set<Digest256> = []
        var successors: [Digest256: AuditRecord] = [:]
        for record in self {
            guard let hash = record.hash else {
                throw .invalidRecord(source: record.source, .init(path: "hash", problem: .missing))
            }
            guard hashes.insert(hash).inserted else { throw .duplicateHash(source: record.source) }
            if let previous = record.previous {
                guard successors.updateValue(record, forKey: previous) == nil else {
                    throw .fork(source: record.source)
                }
            } else {
                guard first == nil else { throw .severalFirstEvents(source: record.source) }
                first = record
            }
        }
        guard let first else { throw .noFirstEvent }
        var chain = [first]
        while let hash = chain.last?.hash, let next = successors.removeValue(forKey: hash) { chain.append(next) }
        // In the order given, so that the message does not change from run to run.
        let left = Set(successors.values.compactMap(\.hash))
        if let lost = self.first(where: { $0.hash.map(left.contains) == true }) {
            throw .missingPredecessor(source: lost.source)
        }
        return chain
    }
}
