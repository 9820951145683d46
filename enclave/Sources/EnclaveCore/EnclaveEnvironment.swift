// SPDX-License-Identifier: Apache-2.0

package import SecurityModule
package import Transport

/// Gives a boot an environment in place of the one that it would have.
package typealias BootTap = @Sendable (BootEnvironment) -> BootEnvironment

/// Everything around an enclave that it is given and does not choose: so that tests give it something else.
package struct EnclaveEnvironment: Sendable {
    package var module: SecurityModule
    /// Lets an enclave run whose PCR0 to PCR2 are zero. Never in an image: the software module is not built in there.
    package var isSimulatedModule: Bool
    package var relay: Endpoint
    package var listen: Endpoint
    /// The configuration that the image carries; nil: the relay's.
    package var configuration: [UInt8]?
    package var bootTime: TrustedClock.BootTime
    package var retry: RetryPolicy
    /// Between two readings of the module's time.
    package var clockInterval: Duration
    /// Between two reports of metrics to the relay.
    package var reportInterval: Duration
    /// How long the client of a change waits for the host to store it.
    package var changePatience: Duration
    /// How long the refusal of a change that was made already is held: longer than the second that its date names.
    package var repeatPause: Duration
    /// What stands between the boot and its environment: nothing, or a recorder.
    package var tap: BootTap

    package init(
        module: SecurityModule,
        isSimulatedModule: Bool,
        relay: Endpoint,
        listen: Endpoint,
        configuration: [UInt8]? = nil,
        bootTime: @escaping TrustedClock.BootTime = { BootClock.milliseconds },
        retry: RetryPolicy = .standard,
        clockInterval: Duration = .seconds(60),
        reportInterval: Duration = EnclaveLimits.reportInterval,
        changePatience: Duration = EnclaveLimits.changePatience,
        repeatPause: Duration = EnclaveLimits.repeatPause,
        tap: @escaping BootTap = { $0 }
    ) {
        self.module = module
        self.isSimulatedModule = isSimulatedModule
        self.relay = relay
        self.listen = listen
        self.configuration = configuration
        self.bootTime = bootTime
        self.retry = retry
        self.clockInterval = clockInterval
        self.reportInterval = reportInterval
        self.changePatience = changePatience
        self.repeatPause = repeatPause
        self.tap = tap
    }
}
