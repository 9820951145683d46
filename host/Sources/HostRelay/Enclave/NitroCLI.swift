// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding

/// The `nitro-cli` program of AWS.
package struct NitroCLI: Sendable {
    /// It waits up to 3 s for each enclave's process (`ENCLAVE_PROC_WAIT_TIMEOUT_MSEC`).
    private static let describeTimeout = Duration.seconds(30)
    /// Loading the image and the enclave's sign of life: minutes for large ones.
    private static let runTimeout = Duration.seconds(300)
    private static let terminateTimeout = Duration.seconds(60)
    /// It finds nothing by the PATH but keeps it for what it may start.
    private static let environment = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]

    private let path: String

    package init(_ path: String) { self.path = path }

    /// `describe-enclaves`: all enclaves of this machine.
    package func describe() async throws(NitroCLIError) -> [NitroDescription] {
        let json = try await call("describe-enclaves", [], timeout: Self.describeTimeout)
        guard let list = json.array else { throw NitroCLIError("describe-enclaves", .unreadable) }
        return list.compactMap(NitroDescription.init)
    }

    /// `run-enclave`: returns once the enclave has given a sign of life.
    package func run(_ settings: HostConfiguration.Nitro, cid: UInt32?) async throws(NitroCLIError) -> NitroDescription
    {
        var arguments = ["--eif-path", settings.image, "--memory", String(settings.memoryMiB)]
        switch settings.cpus {
        case .count(let count): arguments += ["--cpu-count", String(count)]
        case .ids(let ids): arguments += ["--cpu-ids"] + ids.map(String.init)
        }
        if let cid { arguments += ["--enclave-cid", String(cid)] }
        arguments += ["--enclave-name", settings.name]
        if settings.isDebug { arguments.append("--debug-mode") }
        let json = try await call("run-enclave", arguments, timeout: Self.runTimeout)
        guard let description = NitroDescription(json) else { throw NitroCLIError("run-enclave", .unreadable) }
        return description
    }

    /// `terminate-enclave`.
    package func terminate(_ id: String) async throws(NitroCLIError) {
        let json = try await call("terminate-enclave", ["--enclave-id", id], timeout: Self.terminateTimeout)
        guard json.object?["Terminated"]?.bool == true else { throw NitroCLIError("terminate-enclave", .unreadable) }
    }

    /// `describe-eif`: PCR0 of an image, hex.
    package func pcr0(ofImage file: String) async throws(NitroCLIError) -> String {
        let json = try await call("describe-eif", ["--eif-path", file], timeout: Self.runTimeout)
        guard let pcr0 = json.object?["Measurements"]?.object?["PCR0"]?.string else {
            throw NitroCLIError("describe-eif", .unreadable)
        }
        return pcr0.lowercased()
    }

    private func call(
        _ command: String,
        _ arguments: [String],
        timeout: Duration
    ) async throws(NitroCLIError) -> JSON {
        let result: LocalCommand.Output
        do {
            result = try await LocalCommand.run(
                path,
                [command] + arguments,
                environment: Self.environment,
                timeout: timeout
            )
        } catch {
            throw NitroCLIError(command, .notRun("\(path): \(error)"))
        }
        guard result.status == 0 else {
            throw NitroCLIError(command, .failed(status: result.status, said: result.errors))
        }
        guard let json = try? JSON.parse(result.output) else { throw NitroCLIError(command, .unreadable) }
        return json
    }
}
