// SPDX-License-Identifier: Apache-2.0

import Encoding
import ImageBuilder
import Testing

struct BuildInputsTests {
    private static func record(_ changes: KeyValuePairs<String, String?> = [:], pcr2: String = "cc") throws
        -> MeasurementRecord
    {
        var digests = ["kernel": "00", "init": "01", "library /lib/libc.so.6": "02", "source Keyring": "03"]
        for (name, digest) in changes { digests[name] = digest }
        var inputs = BuildInputs()
        let lines = digests.map { "\($0.key)\t\($0.value)" }.joined(separator: "\n")
        try inputs.add(lines: Array(lines.utf8), path: "inputs")
        return MeasurementRecord(inputs: inputs, measurements: ["PCR0": "aa", "PCR1": "bb", "PCR2": pcr2])
    }

    @Test func `the same inputs and measurements are a reproduction`() throws {
        #expect(try Self.record().comparison(with: Self.record()) == .reproduced)
    }

    @Test(arguments: ["kernel", "init", "library /lib/libc.so.6", "source Keyring"])
    func `an input that changed is named`(name: String) throws {
        let changed = try Self.record([name: "ff"], pcr2: "dd")
        #expect(try changed.comparison(with: Self.record()) == .inputsChanged([name]))
    }

    @Test func `an input that is new or gone is named`() throws {
        let changed = try Self.record(["configuration": "04", "init": nil])
        #expect(try changed.comparison(with: Self.record()) == .inputsChanged(["configuration", "init"]))
    }

    @Test func `other measurements of the same inputs are no reproduction`() throws {
        #expect(try Self.record(pcr2: "dd").comparison(with: Self.record()) == .notReproduced(["PCR2"]))
    }

    @Test func `a record reads as it was written`() throws {
        let record = try Self.record()
        #expect(try MeasurementRecord(json: record.json.serialized(), path: "record") == record)
    }

    @Test(arguments: [
        "", "[]", #"{"format":2,"inputs":{},"measurements":{}}"#, #"{"format":1,"inputs":{}}"#,
        #"{"format":1,"inputs":{"a":1},"measurements":{}}"#, #"{"format":1,"inputs":{},"measurements":{},"more":1}"#,
    ])
    func `something else is no record`(text: String) {
        #expect(throws: ImageBuildError.self) { try MeasurementRecord(json: Array(text.utf8), path: "record") }
    }

    @Test(arguments: ["a", "a\tzz", "a\t00\t00", "\t00", "a\t00\na\t00", "a\t"])
    func `a line that is no input is refused`(text: String) {
        var inputs = BuildInputs()
        #expect(throws: ImageBuildError.self) { try inputs.add(lines: Array(text.utf8), path: "inputs") }
    }
}
