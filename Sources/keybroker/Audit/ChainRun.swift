// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Foundation

/// Verifies a stream of events on all processors, holding a few batches at a time.
struct ChainRun {
    let judge: RecordJudge
    let expectation: ChainVerification.Expectation

    private static let batch = 256

    func run(_ source: consuming EventSource) async throws(CommandFailure) -> ChainReport {
        var source = source
        var verification = ChainVerification(judge, expecting: expectation)
        var pending: [Task<[RecordJudge.Judged], Never>] = []
        var progress = EventProgress()
        var read = 0
        var done = 0
        let width = 2 * ProcessInfo.processInfo.activeProcessorCount
        var isAtEnd = false
        while !isAtEnd || !pending.isEmpty {
            if !isAtEnd, pending.count < width {
                var batch: [[UInt8]] = []
                while batch.count < Self.batch, let bytes = try source.next() { batch.append(bytes) }
                isAtEnd = batch.count < Self.batch
                let first = read + 1
                read += batch.count
                let judge = judge
                let events = batch
                pending.append(
                    Task.detached { events.enumerated().map { judge.judge($0.element, number: first + $0.offset) } }
                )
            } else {
                for judged in await pending.removeFirst().value {
                    verification.add(judged)
                    done += 1
                }
                progress.update(done)
            }
        }
        Progress.clear()
        return verification.finish()
    }
}
