// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import SecurityModule
import Testing

@Suite(.serialized) struct RegisterTests {
    /// A driver that carries out again what was carried out.
    private struct Repeating: SecurityModuleTransport {
        let inner: any SecurityModuleTransport

        func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
            if request.contains(Array("ExtendPCR".utf8)) { _ = try inner.exchange(request) }
            return try inner.exchange(request)
        }
    }

    @Test func `a configuration that was measured twice is no boot`() async throws {
        let rig = try await Rig(tap: { environment in
            var environment = environment
            environment.module = SecurityModule(Repeating(inner: environment.module.transport))
            return environment
        })
        try await rig.waitForState("failed")
        let failure = BootTests.failure(rig)
        #expect(failure?.code == .securityModule)
        #expect(failure?.detail == "PCR16 is not what it was extended to")
        await rig.stop()
    }
}
