// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import SecurityModule

#if SoftwareModule
    import Encoding
    import Glibc
    import SoftwareModule
#endif

/// What keeps the program from having a security module. One line for people.
struct ModuleUnavailable: Error, CustomStringConvertible {
    let description: String
}

/// The module that the command line names. The software one exists only in builds with its trait: never in an image.
func securityModule(_ choice: EnclaveArguments.Module) throws(ModuleUnavailable) -> SecurityModule {
    switch choice {
    case .nsm:
        do {
            return SecurityModule(try DeviceTransport())
        } catch {
            throw ModuleUnavailable(description: "/dev/nsm cannot be used: \(error)")
        }
    case .software(let directory):
        #if SoftwareModule
            do {
                return SecurityModule(
                    try SoftwareModule(
                        directory: directory,
                        measurements: try .ofRunningProgram(),
                        clock: moduleClock()
                    )
                )
            } catch {
                throw ModuleUnavailable(description: "software module: \(error.detail)")
            }
        #else
            throw ModuleUnavailable(description: "this build has no software module")
        #endif
    }
}

#if SoftwareModule
    /// The software module's clock: the machine's when the module comes to be, and counted on from there, as a real module
    /// counts its own. It stands for the hypervisor's, which nobody sets from where the enclave runs.
    private func moduleClock() -> @Sendable () -> Timestamp {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        let start = Timestamp(milliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
        let boot = BootClock.milliseconds ?? 0
        return { start.advanced(byMilliseconds: max(0, (BootClock.milliseconds ?? boot) - boot)) }
    }
#endif
