// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The signatures of the last requests, so that one that comes again is noticed. A table of fixed size, one place for each
/// signature, in which a later one takes an earlier one's place. After as many later ones as there are places, a signature
/// is still there with a chance of 37 %; after a tenth of that, of 90 %. What is noticed did come before; what is not may
/// have come too.
///
/// `@unchecked Sendable`: the places are atomic, and the pointer to them never changes.
@safe
package final class SignatureMemory: @unchecked Sendable {
    private let places: UnsafeMutablePointer<Atomic<UInt64>>
    private let count: Int

    /// - Parameter bits: 2 to this power are the places, of 8 bytes.
    package init(bits: Int) {
        count = 1 << min(max(0, bits), 24)
        unsafe places = .allocate(capacity: count)
        for index in 0..<count { unsafe (places + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe places.deinitialize(count: count)
        unsafe places.deallocate()
    }

    /// Remembers a request by 64 bits of its signature, which no one can choose; true if they were there already.
    package func hasSeen(_ mark: UInt64) -> Bool {
        // The mark of a free place.
        let mark = mark == 0 ? 1 : mark
        let index = Int(truncatingIfNeeded: mark) & (count - 1)
        return unsafe places[index].exchange(mark, ordering: .relaxed) == mark
    }
}
