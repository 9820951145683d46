// SPDX-License-Identifier: Apache-2.0

package import Encoding
import NitroAttestation
package import SecurityModule
import Synchronization

/// The only time that the enclave believes: the security module's last, plus what CLOCK_BOOTTIME counted since. The
/// system clock is the host's to set.
package final class TrustedClock: Sendable {
    /// Milliseconds since boot, suspended time included.
    package typealias BootTime = @Sendable () -> Int64?

    private struct Anchor {
        /// The module's time, milliseconds since the Unix epoch.
        var moduleTime: Int64
        /// ``BootTime`` when it was read.
        var bootTime: Int64
    }

    private let module: SecurityModule
    private let bootTime: BootTime
    private let anchor: Mutex<Anchor>
    /// The first time that the module told: when this boot began, as far as it knows.
    package let start: Timestamp

    /// Reads the module's time once.
    package init(module: SecurityModule, bootTime: @escaping BootTime) throws(SecurityModuleError) {
        self.module = module
        self.bootTime = bootTime
        let first = try Self.read(module, bootTime)
        start = Timestamp(milliseconds: first.moduleTime)
        anchor = Mutex(first)
    }

    /// Reads the module's time again. When that fails, the last anchor stays.
    package func reanchor() throws(SecurityModuleError) {
        let fresh = try Self.read(module, bootTime)
        anchor.withLock { $0 = fresh }
    }

    package var now: Timestamp {
        let anchor = anchor.withLock { $0 }
        let (elapsed, overflow) = (bootTime() ?? anchor.bootTime).subtractingReportingOverflow(anchor.bootTime)
        // A boot clock that runs backwards cannot be: the anchor stands then.
        let counted = overflow ? 0 : max(0, elapsed)
        return Timestamp(milliseconds: anchor.moduleTime).advanced(byMilliseconds: counted)
    }

    /// The module states its time in attestation documents alone. The document is its own, out of the device, so that
    /// it is parsed and not verified.
    private static func read(_ module: SecurityModule, _ bootTime: BootTime) throws(SecurityModuleError) -> Anchor {
        let document = try module.attest(userData: nil, nonce: nil, publicKey: nil)
        guard let parsed = try? UnverifiedAttestation(parsing: document) else { throw .malformedResponse }
        // Read afterwards: the clock may be late by one exchange, never early.
        guard let bootTime = bootTime() else { throw .unavailable(errno: 0) }
        return Anchor(moduleTime: parsed.claims.timestamp.milliseconds, bootTime: bootTime)
    }
}
