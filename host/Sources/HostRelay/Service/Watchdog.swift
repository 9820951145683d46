// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ServiceLifecycle

/// Tells the service manager that the host is alive: only if every event loop answers, so that a host that hangs is
/// restarted.
struct Watchdog: Service {
    let manager: ServiceManager
    let group: any EventLoopGroup

    func run() async throws {
        guard let limit = manager.watchdog else {
            try? await gracefulShutdown()
            return
        }
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // sd_watchdog_enabled(3): every half of the time.
                try await Task.sleep(for: limit / 2)
                for loop in group.makeIterator() { try await loop.submit {}.get() }
                manager.stillAlive()
            }
        }
    }
}
