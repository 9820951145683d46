// SPDX-License-Identifier: Apache-2.0

import Cryptography
import EnclaveCore
import Encoding
import Foundation
import SecurityModule
import SoftwareModule
import TestSupport
import Testing

struct ModuleReportTests {
    @Test func `one line of JSON has the module's id, its locked registers and those that are not zero`() throws {
        let directory = try TemporaryDirectory()
        let module = SecurityModule(
            try SoftwareModule(directory: directory.url.path, measurements: Rig.measurements, clock: { Workshop.now() })
        )
        let extended = try module.extendPCR(20, with: [1, 2, 3])
        let line = ModuleReport.line(of: module)
        #expect(line.hasSuffix("\n") && line.count { $0 == "\n" } == 1)
        let report = try #require(try JSON.parse(Array(line.utf8)).object)
        #expect(report["message"] == "security module")
        #expect(report["moduleId"]?.string == (try module.describe().moduleID))
        #expect(report["version"]?.string == "1.0.0")
        #expect(report["lockedPCRs"] == .array((0..<16).map { .number(JSONNumber(Int64($0))) }))
        let registers = try #require(report["pcrs"]?.object)
        #expect(registers["0"]?.string == Hex.encode(Rig.measurements.pcr0))
        #expect(registers["1"]?.string == Hex.encode(Rig.measurements.pcr1))
        #expect(registers["2"]?.string == Hex.encode(Rig.measurements.pcr2))
        #expect(registers["20"]?.string == Hex.encode(extended))
        #expect(registers["16"] == nil)
    }

    @Test func `a module that does not answer is reported by its error`() throws {
        let report = try #require(
            try JSON.parse(Array(ModuleReport.line(of: SecurityModule(DeviceTransport { _, _, _ in 5 })).utf8)).object
        )
        #expect(report["level"] == "error")
        #expect(report["message"]?.string?.contains("unavailable") == true)
    }
}
