// SPDX-License-Identifier: Apache-2.0

import NIOPosix

/// A boot by itself, without an enclave that serves: the code is the same.
package enum LoneBoot: Sendable {
    /// Boots, and makes as many tries as the environment's retry policy allows.
    ///
    /// - Parameters:
    ///   - environment: All that the boot draws on.
    ///   - log: Its log.
    /// - Returns: The state that it ends in.
    package static func run(_ environment: BootEnvironment, log: EnclaveLog) async -> EnclaveState {
        let started: Started
        do {
            started = try Started.start(environment, log: log)
        } catch {
            return .failed(Failed(failure: error))
        }
        // One thread is enough: it makes the key of this try.
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let state = StateCell(.started(started))
        let recipientKeys = RecipientKeys(threads: threads, make: environment.makeRecipientKey)
        await BootSequence(environment: environment, recipientKeys: recipientKeys, state: state, log: log).run(started)
        try? await threads.shutdownGracefully()
        return state.current
    }
}
