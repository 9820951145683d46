// SPDX-License-Identifier: Apache-2.0

import KMSProtocol
import NIOCore
import NIOPosix
import Synchronization
import Transport

/// Work that would hold up an event loop: RSA and the slow curves, and whatever asks the security module. Bounded, in all
/// and for each principal, by requests and by work (``EnclaveLimits/deferredRequests``): what is beyond is throttled, so
/// that nobody waits long behind another.
final class DeferredWork: Sendable {
    /// Who has work here: a principal's ARN.
    typealias Owner = String
    /// Of requests that nobody signed.
    static let anonymous: Owner = ""

    private struct Load {
        var requests = 0
        var units = 0
    }

    private struct State {
        var inAll = Load()
        var byOwner: [Owner: Load] = [:]
    }

    private let threads: NIOThreadPool
    private let state = Mutex(State())

    init(threads: NIOThreadPool) {
        self.threads = threads
    }

    /// Does `work` elsewhere, if there is room for it. `units` is what it takes: see ``RequestCost``.
    func run(
        on loop: any EventLoop,
        for owner: Owner,
        units: Int,
        _ work: @escaping @Sendable () -> HTTPResponse
    ) -> EventLoopFuture<HTTPResponse> {
        guard admit(owner, units) else { return loop.makeSucceededFuture(Reply.failure(.throttled)) }
        return threads.runIfActive(eventLoop: loop) { [self] in
            defer { release(owner, units) }
            return work()
        }.recover { [self] _ in
            // The pool is shut down: the work did not run.
            release(owner, units)
            return Reply.failure(KMSError("KMSInternalException", "The key broker is ending."))
        }
    }

    private func admit(_ owner: Owner, _ units: Int) -> Bool {
        state.withLock { state in
            let own = state.byOwner[owner] ?? Load()
            guard
                state.inAll.requests < EnclaveLimits.deferredRequests,
                state.inAll.units + units <= EnclaveLimits.deferredWork,
                own.requests < EnclaveLimits.deferredRequestsEach,
                own.requests == 0 || own.units + units <= EnclaveLimits.deferredWorkEach
            else { return false }
            state.inAll = Load(requests: state.inAll.requests + 1, units: state.inAll.units + units)
            state.byOwner[owner] = Load(requests: own.requests + 1, units: own.units + units)
            return true
        }
    }

    private func release(_ owner: Owner, _ units: Int) {
        state.withLock { state in
            let own = state.byOwner[owner] ?? Load()
            state.inAll = Load(requests: state.inAll.requests - 1, units: state.inAll.units - units)
            state.byOwner[owner] =
                own.requests > 1 ? Load(requests: own.requests - 1, units: own.units - units) : nil
        }
    }
}
