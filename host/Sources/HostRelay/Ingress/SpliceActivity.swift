// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// When bytes last went through two connections that are one, and who sent them: written by their event loop, read by
/// whoever looks for one that is not in use.
final class SpliceActivity: Sendable {
    /// Nanoseconds of `NIODeadline`, the lowest bit given up for who it was.
    private let state: Atomic<UInt64>
    private static let enclaveSent: UInt64 = 1

    /// The client has just asked.
    init() { state = Atomic(NIODeadline.now().uptimeNanoseconds & ~Self.enclaveSent) }

    func heard(fromEnclave: Bool) {
        let time = NIODeadline.now().uptimeNanoseconds & ~Self.enclaveSent
        state.store(fromEnclave ? time | Self.enclaveSent : time, ordering: .relaxed)
    }

    /// Since when nothing was sent, and whether the last to send was the enclave: then it is the client's turn.
    var last: (since: NIODeadline, isAnswered: Bool) {
        let state = state.load(ordering: .relaxed)
        return (.uptimeNanoseconds(state & ~Self.enclaveSent), state & Self.enclaveSent != 0)
    }
}
