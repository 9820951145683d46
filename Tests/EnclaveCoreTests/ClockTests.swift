// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import Encoding
import Foundation
import SecurityModule
import SoftwareModule
import Synchronization
import TestSupport
import Testing

@Suite struct ClockTests {
    /// A module and a counter of boot time that a test moves.
    final class Hands: Sendable {
        let module = Mutex(Timestamp(seconds: 1_763_719_200))
        let boot = Mutex<Int64?>(5_000)
    }

    private static func clock(_ hands: Hands, _ directory: TemporaryDirectory) throws -> TrustedClock {
        let module = try SoftwareModule(
            directory: directory.url.path,
            measurements: Rig.measurements,
            clock: { hands.module.withLock { $0 } }
        )
        return try TrustedClock(module: SecurityModule(module)) { hands.boot.withLock { $0 } }
    }

    @Test func `is the module's time plus what the boot clock counted`() throws {
        let (hands, directory) = (Hands(), try TemporaryDirectory())
        let clock = try Self.clock(hands, directory)
        #expect(clock.now == Timestamp(seconds: 1_763_719_200))
        hands.boot.withLock { $0 = 65_250 }
        #expect(clock.now == Timestamp(milliseconds: 1_763_719_260_250))
    }

    @Test func `follows the module when it is read again`() throws {
        let (hands, directory) = (Hands(), try TemporaryDirectory())
        let clock = try Self.clock(hands, directory)
        hands.module.withLock { $0 = Timestamp(seconds: 1_763_719_300) }
        #expect(clock.now == Timestamp(seconds: 1_763_719_200))
        try clock.reanchor()
        #expect(clock.now == Timestamp(seconds: 1_763_719_300))
    }

    @Test func `does not run backwards between readings`() throws {
        let (hands, directory) = (Hands(), try TemporaryDirectory())
        let clock = try Self.clock(hands, directory)
        hands.boot.withLock { $0 = 1_000 }
        #expect(clock.now == Timestamp(seconds: 1_763_719_200))
        hands.boot.withLock { $0 = Int64.min }
        #expect(clock.now == Timestamp(seconds: 1_763_719_200))
    }
}
