// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Logging
import Synchronization

/// A running enclave of `nitro-cli`.
///
/// `nitro-cli` leaves a process behind that holds the enclave and ends when the enclave hangs up (crash included): its end
/// is noticed within ``Timing/poll``, and what it says of the enclave is asked every ``Timing/describe``.
package final class NitroEnclave: RunningEnclave {
    package struct Timing: Sendable {
        package var poll: Duration
        package var describe: Duration

        package init(poll: Duration = .milliseconds(250), describe: Duration = .seconds(10)) {
            self.poll = poll
            self.describe = describe
        }
    }

    private struct Stop {
        var isAsked = false
        /// Why it could not be terminated.
        var failure: String?
    }

    private let enclave: NitroDescription
    private let cli: NitroCLI
    private let timing: Timing
    private let stopping = Mutex(Stop())
    package let wasRunning: Bool

    init(_ enclave: NitroDescription, cli: NitroCLI, timing: Timing, wasRunning: Bool = false) {
        self.enclave = enclave
        self.wasRunning = wasRunning
        self.cli = cli
        self.timing = timing
    }

    package var facts: Logger.Metadata {
        var facts: Logger.Metadata = [
            "pid": "\(enclave.processID)", "id": "\(enclave.id)", "cid": "\(enclave.cid)", "cpus": "\(enclave.cpus)",
            "memoryMiB": "\(enclave.memoryMiB)",
        ]
        if let pcr0 = enclave.pcr0 { facts["pcr0"] = "\(pcr0)" }
        return facts
    }

    package func ended() async -> String {
        // Not as part of a task that may be cancelled: nothing would be waited for any more.
        await Task.detached { await self.watch() }.value
    }

    package func stop(atOnce: Bool) {
        // The hypervisor ends it either way.
        stopping.withLock { $0.isAsked = true }
        Task.detached { [self] in
            do throws(NitroCLIError) {
                try await cli.terminate(enclave.id)
            } catch {
                if isAlive { stopping.withLock { $0.failure = error.description } }
            }
        }
    }

    private func watch() async -> String {
        var described = ContinuousClock.now
        while true {
            let stop = stopping.withLock { $0 }
            if let failure = stop.failure { return "not terminated: \(failure)" }
            if !isAlive { return stop.isAsked ? "terminated" : "the enclave has gone: it crashed, or was terminated" }
            try? await Task.sleep(for: timing.poll)
            guard ContinuousClock.now - described >= timing.describe else { continue }
            described = .now
            // An error of nitro-cli says nothing about this enclave.
            if let all = try? await cli.describe(), !all.contains(where: { $0.id == enclave.id }), !stop.isAsked {
                return "nitro-cli does not list the enclave any more"
            }
        }
    }

    /// Whether the process that holds the enclave runs.
    var isAlive: Bool {
        guard kill(enclave.processID, 0) == 0 || errno == EPERM else { return false }
        // Ended, but nobody took note: in a container without an init.
        guard let stat = ProcessStatus.state(of: enclave.processID) else { return true }
        return stat != UInt8(ascii: "Z") && stat != UInt8(ascii: "X")
    }
}

/// What proc(5) says of a process.
private enum ProcessStatus {
    /// The third field of `/proc/PID/stat`; nil where that cannot be read.
    static func state(of id: Int32) -> UInt8? {
        let file = unsafe open("/proc/\(id)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
        guard count > 0, let end = bytes.prefix(count).lastIndex(of: UInt8(ascii: ")")), end + 2 < count else {
            return nil
        }
        return bytes[end + 2]
    }
}
