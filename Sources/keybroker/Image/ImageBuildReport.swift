// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import ImageBuilder

/// What `image build` says.
struct ImageBuildReport {
    let path: String
    let length: Int
    let recipe: ImageRecipe
    let ramdisks: [ArchiveTree]
    let record: MeasurementRecord
    var comparison: (path: String, result: MeasurementRecord.Comparison)?

    func print(json: Bool) {
        if json {
            Console.json(value)
        } else {
            for (name, value) in record.measurements.sorted(by: { $0.key < $1.key }) {
                Console.line("\(name)   \(value)")
            }
            if let comparison { Console.line("\(comparison.path): \(Self.text(comparison.result))") }
        }
        if let warning { Console.error("keybroker: \(warning)") }
    }

    private var warning: String? {
        guard let missing = recipe.missingForNitro else {
            return
                "the kernel's configuration is not in the folder: whether Nitro's hypervisor starts this image is unknown"
        }
        guard !missing.isEmpty else { return nil }
        let options = missing.map { "CONFIG_\($0)" }.joined(separator: ", ")
        return "this image is for tests: the kernel lacks \(options), and Nitro's hypervisor cannot start it"
    }

    private var value: JSON {
        var members: [(String, JSON)] = [
            ("image", .string(path)), ("bytes", .number(JSONNumber(Int64(length)))),
            ("architecture", .string("\(recipe.machine)")),
            ("measurements", record.json.object?["measurements"] ?? .null),
            ("missingForNitro", recipe.missingForNitro.map { .array($0.map { .string("CONFIG_\($0)") }) } ?? .null),
            (
                "contents",
                .array(ramdisks.enumerated().flatMap { number, tree in tree.entries.map { Self.entry($0, number) } })
            ),
            ("inputs", record.json.object?["inputs"] ?? .null),
        ]
        if let comparison { members.append(("check", Self.value(comparison.result))) }
        return .object(JSONObject(members))
    }

    private static func entry(_ entry: ArchiveEntry, _ ramdisk: Int) -> JSON {
        var members: [(String, JSON)] = [
            ("ramdisk", .number(JSONNumber(Int64(ramdisk)))), ("path", .string("/" + entry.path)),
        ]
        if case .file(let bytes, _) = entry.content {
            members.append(("bytes", .number(JSONNumber(Int64(bytes.count)))))
            members.append(("sha384", .string(Hex.encode(Hash.digest(.sha384, bytes)))))
        }
        return .object(JSONObject(members))
    }

    private static func text(_ result: MeasurementRecord.Comparison) -> String {
        switch result {
        case .reproduced: "the same inputs, the same measurements"
        case .inputsChanged(let names): "other inputs: \(names.joined(separator: ", "))"
        case .notReproduced(let names): "the same inputs, and other measurements: \(names.joined(separator: ", "))"
        }
    }

    private static func value(_ result: MeasurementRecord.Comparison) -> JSON {
        func value(_ name: String, _ differing: [String]) -> JSON {
            ["result": .string(name), "differing": .array(differing.map { .string($0) })]
        }
        return switch result {
        case .reproduced: value("reproduced", [])
        case .inputsChanged(let names): value("inputs-changed", names)
        case .notReproduced(let names): value("not-reproduced", names)
        }
    }
}
