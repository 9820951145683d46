// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Contexts of OpenSSL that are ready for use, each by one thread at a time.
final class ContextPool<Context: Sendable>: Sendable {
    /// Kept at most: as many threads work at once on the machines that enclaves run on.
    private let kept = 8

    private let ready = Mutex<[Context]>([])

    func take() -> Context? { ready.withLock { $0.popLast() } }

    func keep(_ context: Context) {
        ready.withLock { ready in
            if ready.count < kept { ready.append(context) }
        }
    }
}
