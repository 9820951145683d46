// SPDX-License-Identifier: Apache-2.0

import KMSProtocol
import NIOCore
import NIOPosix
import Synchronization
import Transport

/// Work that would hold up an event loop: RSA and the slow curves, and whatever asks the security module. Bounded:
/// beyond ``EnclaveLimits/deferredRequests`` a request is throttled.
final class DeferredWork: Sendable {
    private let threads: NIOThreadPool
    private let pending = Atomic<Int>(0)

    init(threads: NIOThreadPool) {
        self.threads = threads
    }

    func run(on loop: any EventLoop, _ work: @escaping @Sendable () -> HTTPResponse) -> EventLoopFuture<HTTPResponse> {
        guard pending.add(1, ordering: .relaxed).newValue <= EnclaveLimits.deferredRequests else {
            pending.subtract(1, ordering: .relaxed)
            return loop.makeSucceededFuture(Reply.failure(.throttled))
        }
        return threads.runIfActive(eventLoop: loop) { [self] in
            defer { pending.subtract(1, ordering: .relaxed) }
            return work()
        }.recover { [self] _ in
            // The pool is shut down: the work did not run.
            pending.subtract(1, ordering: .relaxed)
            return Reply.failure(KMSError("KMSInternalException", "The key broker is ending."))
        }
    }
}
