// SPDX-License-Identifier: Apache-2.0

/// How the program ends.
enum ExitStatus: Int32, Sendable {
    /// Done, or accepted.
    case success = 0
    /// Rejected, denied, or failed.
    case failure = 1
    /// Wrong usage, or a file that cannot be read or decoded.
    case usage = 2
}

/// Why a command stops: one line that says what happened and what to do.
struct CommandFailure: Error, Sendable {
    let message: String
    let status: ExitStatus

    static func failed(_ message: String) -> CommandFailure { CommandFailure(message: message, status: .failure) }
    static func usage(_ message: String) -> CommandFailure { CommandFailure(message: message, status: .usage) }
    /// Everything was said on standard output already.
    static let reported = CommandFailure(message: "", status: .failure)
}
