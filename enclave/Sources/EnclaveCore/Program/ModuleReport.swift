// SPDX-License-Identifier: Apache-2.0

import Encoding
package import SecurityModule

/// What a real security module says of itself and of the image, in one line for the console: before there is a relay to
/// send a log to, and where an image that does not come as far as that can be told from another. Public values only.
package enum ModuleReport: Sendable {
    /// PCRs of a module: real ones have 32.
    private static let maximumPCRs = 32

    /// A JSON object with its newline: the module's id and version, which registers are locked, and those that are not
    /// zero, by number, in hexadecimal; or what kept the module from saying so.
    package static func line(of module: SecurityModule) -> String {
        let report: [(String, JSON)]
        do throws(SecurityModuleError) {
            report = [("level", "info"), ("message", "security module")] + (try members(of: module))
        } catch {
            report = [("level", "error"), ("message", .string("security module: \(error)"))]
        }
        return String(decoding: JSON.object(JSONObject(report)).serialized(), as: UTF8.self) + "\n"
    }

    private static func members(of module: SecurityModule) throws(SecurityModuleError) -> [(String, JSON)] {
        let description = try module.describe()
        var registers: [(String, JSON)] = []
        for index in 0..<min(Int(description.maximumPCRs), maximumPCRs) {
            let value = try module.describePCR(index).value
            guard value.contains(where: { $0 != 0 }) else { continue }
            registers.append((String(index), .string(Hex.encode(value))))
        }
        let version = [description.versionMajor, description.versionMinor, description.versionPatch]
        return [
            ("moduleId", .string(description.moduleID)),
            ("version", .string(version.map(String.init).joined(separator: "."))),
            ("lockedPCRs", .array(description.lockedPCRs.map { .number(JSONNumber(Int64($0))) })),
            ("pcrs", .object(JSONObject(registers))),
        ]
    }
}
