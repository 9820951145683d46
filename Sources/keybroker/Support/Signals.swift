// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

/// Waiting for the user.
enum Signals: Sendable {
    /// Returns at the first SIGINT or SIGTERM.
    static func interruption() async {
        let sources = [SIGINT, SIGTERM].map { number in
            _ = signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: .global())
        }
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
        for source in sources {
            source.setEventHandler { continuation.yield() }
            source.resume()
        }
        for await _ in signals { break }
        for source in sources { source.cancel() }
    }
}
