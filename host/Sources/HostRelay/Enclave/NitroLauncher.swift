// SPDX-License-Identifier: Apache-2.0

package import Logging

/// The enclave as `nitro-cli` runs it on an EC2 parent instance.
///
/// Whoever crashes or restarts this launcher finds its enclave again by name: one that runs the image of the
/// configuration is taken over, any other is terminated first.
package struct NitroLauncher: EnclaveLauncher {
    /// How long an enclave that is told to end may take.
    private static let endTimeout = Duration.seconds(30)

    private let settings: HostConfiguration.Nitro
    /// Nil: the one that `nitro-cli` chooses.
    private let cid: UInt32?
    private let cli: NitroCLI
    private let timing: NitroEnclave.Timing
    private let logger: Logger

    package init(
        _ settings: HostConfiguration.Nitro,
        cid: UInt32?,
        timing: NitroEnclave.Timing = NitroEnclave.Timing(),
        logger: Logger
    ) {
        self.settings = settings
        self.cid = cid
        cli = NitroCLI(settings.cli)
        self.timing = timing
        self.logger = logger
    }

    package func launch() async throws(EnclaveLaunchError) -> any RunningEnclave {
        do throws(NitroCLIError) {
            let present = try await cli.describe()
            if let found = try await takeOver(present.filter { $0.name == settings.name }) {
                let enclave = NitroEnclave(found, cli: cli, timing: timing, wasRunning: true)
                logger.warning("enclave taken over", metadata: enclave.facts)
                return enclave
            }
            if let cid, let other = present.first(where: { $0.cid == cid && $0.name != settings.name }) {
                throw NitroCLIError(
                    "run-enclave",
                    .refused(
                        "CID \(cid) is used by enclave \(other.name ?? other.id); choose another in enclave.endpoint"
                    )
                )
            }
            if settings.isDebug {
                logger.warning(
                    "enclave in debug mode",
                    metadata: ["reason": "enclave.nitro.debug: its PCRs are zero, and no keyring will open in it"]
                )
            }
            var enclave = try await cli.run(settings, cid: cid)
            // What run-enclave does not say: flags and measurement.
            if let described = try? await cli.describe().first(where: { $0.id == enclave.id }) { enclave = described }
            return try await checked(enclave)
        } catch {
            throw EnclaveLaunchError(error.description)
        }
    }

    /// The enclave of this name that may go on; others of this name are terminated.
    private func takeOver(_ mine: [NitroDescription]) async throws(NitroCLIError) -> NitroDescription? {
        guard !mine.isEmpty else { return nil }
        let image = try await cli.pcr0(ofImage: settings.image)
        var kept: NitroDescription?
        for enclave in mine {
            let isRight =
                enclave.state == "RUNNING" && enclave.isDebug == settings.isDebug && enclave.pcr0 == image
                && (cid == nil || enclave.cid == cid) && enclave.memoryMiB >= settings.memoryMiB
            if isRight && kept == nil {
                kept = enclave
            } else {
                logger.warning(
                    "enclave replaced",
                    metadata: ["id": "\(enclave.id)", "reason": "\(difference(enclave, image: image))"]
                )
                if enclave.state != "TERMINATING" { try await cli.terminate(enclave.id) }
                await waitForEnd(of: enclave)
            }
        }
        return kept
    }

    private func difference(_ enclave: NitroDescription, image: String) -> String {
        if enclave.state != "RUNNING" { return "state \(enclave.state ?? "unknown")" }
        if enclave.isDebug != settings.isDebug { return "flags \(enclave.flags ?? "unknown")" }
        if enclave.pcr0 != image { return "another image" }
        if let cid, enclave.cid != cid { return "CID \(enclave.cid)" }
        return "\(enclave.memoryMiB) MiB of memory"
    }

    private func waitForEnd(of enclave: NitroDescription) async {
        let end = NitroEnclave(enclave, cli: cli, timing: timing)
        let deadline = ContinuousClock.now + Self.endTimeout
        while end.isAlive && ContinuousClock.now < deadline { try? await Task.sleep(for: timing.poll) }
    }

    /// Never one in debug mode that is not to be, or elsewhere than the relay looks for it.
    private func checked(_ enclave: NitroDescription) async throws(NitroCLIError) -> NitroEnclave {
        let problem: String? =
            if enclave.isDebug && !settings.isDebug {
                "it runs in debug mode, which enclave.nitro.debug does not say"
            } else if let cid, enclave.cid != cid {
                "its CID is \(enclave.cid) and not \(cid)"
            } else if enclave.cid < 4 {
                // 0 to 2 are well known (vsock(7)), 3 is the parent instance.
                "its CID is \(enclave.cid), which is no enclave's"
            } else {
                nil
            }
        if let problem {
            try? await cli.terminate(enclave.id)
            throw NitroCLIError("run-enclave", .refused("nitro-cli run-enclave: \(problem)"))
        }
        return NitroEnclave(enclave, cli: cli, timing: timing)
    }
}
