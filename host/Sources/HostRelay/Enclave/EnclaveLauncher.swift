// SPDX-License-Identifier: Apache-2.0

package import Logging

/// A way to start an enclave.
package protocol EnclaveLauncher: Sendable {
    /// Starts it, and returns once it runs.
    ///
    /// - Throws: ``EnclaveLaunchError``.
    func launch() async throws(EnclaveLaunchError) -> any RunningEnclave
}

/// An enclave that was started.
package protocol RunningEnclave: Sendable {
    /// What log lines say of it: `pid`, and what there is besides.
    var facts: Logger.Metadata { get }
    /// It ran already, and was taken over.
    var wasRunning: Bool { get }
    /// Waits for its end, and says how it ended. Only one caller may wait.
    func ended() async -> String
    /// Asks it to end, and makes it where it does not; `atOnce` without asking, for one that hears nothing. Returns at once.
    func stop(atOnce: Bool)
}

extension RunningEnclave {
    package var wasRunning: Bool { false }

    package func stop() { stop(atOnce: false) }
}

/// Why an enclave could not be started. One line for people.
package struct EnclaveLaunchError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
