// SPDX-License-Identifier: Apache-2.0

import Logging

/// The enclave program as a process of this machine: for laptops and tests.
package struct ProcessLauncher: EnclaveLauncher {
    private let executable: String
    private let arguments: [String]
    private let grace: Duration

    /// `grace` is the time from SIGTERM to SIGKILL.
    package init(executable: String, arguments: [String], grace: Duration = EnclaveSupervisor.grace) {
        self.executable = executable
        self.arguments = arguments
        self.grace = grace
    }

    package func launch() async throws(EnclaveLaunchError) -> any RunningEnclave {
        RunningProcess(process: try await EnclaveProcess.start(executable, arguments), grace: grace)
    }
}

private struct RunningProcess: RunningEnclave {
    let process: EnclaveProcess
    let grace: Duration

    var facts: Logger.Metadata { ["pid": "\(process.processID)"] }

    func ended() async -> String { await process.exit().description }

    func stop(atOnce: Bool) {
        guard !atOnce else { return process.signal(9) }
        process.signal(15)
        Task.detached {
            try? await Task.sleep(for: grace)
            process.signal(9)
        }
    }
}
