// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import SecurityModule

#if SoftwareModule
    import Dispatch
    import Encoding
    import Glibc
    import SoftwareModule
    import Synchronization
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
            let measurements = measureInBackground()
            do {
                return SecurityModule(
                    try SoftwareModule(
                        directory: directory,
                        measurements: measurements.value,
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
    /// What is made once, by whoever comes first.
    private final class Measurements: Sendable {
        private let made = Mutex<SoftwareMeasurements?>(nil)
        private let make: SoftwareMeasurements.Making

        init(_ make: @escaping SoftwareMeasurements.Making) { self.make = make }

        var value: SoftwareMeasurements {
            made.withLock { made in
                if let made { return made }
                do throws(SoftwareModuleError) {
                    let measurements = try make()
                    made = measurements
                    return measurements
                } catch {
                    // There is no enclave without them.
                    StandardStreams.error("software module: \(error.detail)")
                    exit(1)
                }
            }
        }
    }

    /// Reads the program and its libraries while the boot goes on: it takes as long as a good part of the rest.
    private func measureInBackground() -> Measurements {
        let measurements = Measurements(SoftwareMeasurements.makingOfRunningProgram())
        DispatchQueue.global().async { _ = measurements.value }
        return measurements
    }

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
