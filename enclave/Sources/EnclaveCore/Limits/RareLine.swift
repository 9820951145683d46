// SPDX-License-Identifier: Apache-2.0

import Encoding
import Synchronization

/// Something that clients can make happen as often as they like, and that the log tells of once in a while, with how often
/// it happened since.
final class RareLine: Sendable {
    private let count = Atomic<Int64>(0)
    private let last = Atomic<Int64>(.min)
    private let interval: Int64

    /// - Parameter interval: Milliseconds between two lines.
    init(every interval: Int64) { self.interval = interval }

    /// Counts, and calls `write` if it is time again.
    func happened(at now: Timestamp, _ write: (_ count: Int64) -> Void) {
        count.add(1, ordering: .relaxed)
        let seen = last.load(ordering: .relaxed)
        // A clock that was set back does not silence it.
        guard
            now.milliseconds < seen
                || now.milliseconds >= Timestamp(milliseconds: seen).advanced(byMilliseconds: interval).milliseconds,
            last.compareExchange(expected: seen, desired: now.milliseconds, ordering: .relaxed).exchanged
        else { return }
        write(count.exchange(0, ordering: .relaxed))
    }
}
