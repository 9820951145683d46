// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// Digests of what a measurement depends on, by name.
package struct BuildInputs: Sendable, Equatable {
    /// Hex.
    package private(set) var digests: [String: String] = [:]

    package init() {}

    package subscript(_ name: String) -> [UInt8]? {
        get { digests[name].flatMap { try? Hex.decode($0) } }
        set { digests[name] = newValue.map { Hex.encode($0) } }
    }

    /// Lines of a name, a tab, and a digest in hex: what the program was built from, written by whoever built it.
    ///
    /// - Throws: ``ImageBuildError`` for any other line, or a name that is there already.
    package mutating func add(lines: [UInt8], path: String) throws(ImageBuildError) {
        for line in String(decoding: lines, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let digest = try? Hex.decode(String(parts[1])), !digest.isEmpty,
                digests.updateValue(String(parts[1]), forKey: String(parts[0])) == nil
            else {
                throw ImageBuildError("\(path): not a name, a tab and a digest, or a name twice: \(line.prefix(80))")
            }
        }
    }

    /// Names of what differs, is new or is gone, sorted.
    package func changes(since other: BuildInputs) -> [String] {
        Set(digests.keys).union(other.digests.keys).filter { digests[$0] != other.digests[$0] }.sorted()
    }
}

/// What an image measured, and from what: `enclave/image/measurements.json`.
package struct MeasurementRecord: Sendable, Equatable {
    package static let format: Int64 = 1

    package let inputs: BuildInputs
    /// PCR0 to PCR2, hex.
    package let measurements: [String: String]

    package init(inputs: BuildInputs, measurements: [String: String]) {
        self.inputs = inputs
        self.measurements = measurements
    }

    /// How a build compares with the record.
    package enum Comparison: Sendable, Equatable {
        /// The same inputs gave the same measurements.
        case reproduced
        /// Other inputs: their names.
        case inputsChanged([String])
        /// The same inputs gave other measurements: their names.
        case notReproduced([String])
    }

    package func comparison(with earlier: MeasurementRecord) -> Comparison {
        let changes = inputs.changes(since: earlier.inputs)
        guard changes.isEmpty else { return .inputsChanged(changes) }
        let differing = Set(measurements.keys).union(earlier.measurements.keys)
            .filter { measurements[$0] != earlier.measurements[$0] }.sorted()
        return differing.isEmpty ? .reproduced : .notReproduced(differing)
    }
}

extension MeasurementRecord {
    package var json: JSON {
        func object(_ members: [String: String]) -> JSON {
            .object(JSONObject(members.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        }
        return [
            "format": .number(JSONNumber(Self.format)), "inputs": object(inputs.digests),
            "measurements": object(measurements),
        ]
    }

    /// - Throws: ``ImageBuildError`` if it is something else.
    package init(json bytes: [UInt8], path: String) throws(ImageBuildError) {
        do {
            var fields = try JSONFields(json: bytes, limits: JSONLimits())
            _ = try fields.integer("format", in: Self.format...Self.format)
            let inputs = try fields.value("inputs").object
            let measurements = try fields.value("measurements").object
            try fields.finish()
            guard let inputs, let measurements else {
                throw ImageBuildError("\(path): inputs or measurements are no object")
            }
            var lines = ""
            for member in inputs.members { lines += "\(member.name)\t\(member.value.string ?? "")\n" }
            var read = BuildInputs()
            try read.add(lines: Array(lines.utf8), path: path)
            self.inputs = read
            self.measurements = Dictionary(
                measurements.members.map { ($0.name, $0.value.string ?? "") },
                uniquingKeysWith: { first, _ in first }
            )
        } catch let error as ImageBuildError {
            throw error
        } catch {
            throw ImageBuildError("\(path): \(error)")
        }
    }
}
