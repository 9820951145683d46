// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation

/// What was last seen of a broker's keyrings: `docs/reference/trust-state.schema.json`. Rollback and forks show only to
/// whoever remembers.
struct TrustState: Sendable {
    let path: String
    private var keyrings: [KeyringSighting] = []

    /// `$XDG_STATE_HOME/keybroker/trust`, by default `~/.local/state/keybroker/trust` (XDG Base Directory Specification).
    static var folder: String {
        let environment = ProcessInfo.processInfo.environment
        // Relative paths there are to be ignored.
        let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        return (state ?? NSHomeDirectory() + "/.local/state") + "/keybroker/trust"
    }

    /// Reads what is there; nothing is as good as never.
    init(path: String) throws(CommandFailure) {
        self.path = path
        guard FileManager.default.fileExists(atPath: path) else { return }
        do {
            keyrings = try Self.parse(try InputFile.read(path))
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage("\(path): not a state file of keybroker trust: \(error)")
        }
    }

    func last(_ keyringID: String) -> KeyringSighting? { keyrings.first { $0.keyringID == keyringID } }

    mutating func see(_ sighting: KeyringSighting) {
        keyrings.removeAll { $0.keyringID == sighting.keyringID }
        keyrings.append(sighting)
    }

    func write() throws(CommandFailure) {
        let object: JSON = [
            "format": 1,
            "keyrings": .array(
                keyrings.map { seen in
                    [
                        "keyringId": .string(seen.keyringID),
                        "version": .number(JSONNumber(Int64(clamping: seen.version))),
                        "digest": .string(Hex.encode(seen.digest)),
                    ]
                }
            ),
        ]
        try Self.makeFolder(of: path)
        try InputFile.write(object.serialized(pretty: true) + [UInt8(ascii: "\n")], to: path, permissions: 0o600)
    }

    /// Makes the folder of a file, for its user only, where there is none.
    static func makeFolder(of path: String) throws(CommandFailure) {
        try InputFile.makeFolder(URL(fileURLWithPath: path).deletingLastPathComponent().path)
    }

    private static func parse(_ bytes: [UInt8]) throws -> [KeyringSighting] {
        var fields = try JSONFields(try JSON.parse(bytes))
        _ = try fields.integer("format", in: 1...1)
        let path = fields.path("keyrings")
        guard let list = try fields.value("keyrings").array else {
            throw JSONFieldError(path: path, problem: .wrongType(expected: "an array"))
        }
        let keyrings = try list.map { entry in
            var fields = try JSONFields(entry, at: path)
            let sighting = KeyringSighting(
                keyringID: try fields.string("keyringId"),
                version: UInt64(try fields.integer("version", in: 1...Int64.max)),
                digest: try Hex.decode(try fields.string("digest"))
            )
            try fields.finish()
            return sighting
        }
        try fields.finish()
        return keyrings
    }
}
