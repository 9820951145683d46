// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// A folder of one test that goes with its owner. Its path is short: unix sockets live in it, and theirs end at 107 bytes.
package final class TemporaryDirectory: Sendable {
    package let path: String
    package var url: URL { URL(fileURLWithPath: path) }

    package init() throws {
        path = "/tmp/kb-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
    }

    deinit { remove() }

    /// Takes it away now.
    package func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// The path of `name` in it.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    package func write(_ bytes: [UInt8], as name: String) throws -> URL {
        let file = url.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file
    }

    /// Writes a text file that only its owner reads, unless `mode` says otherwise; its path.
    @discardableResult
    package func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        guard mode & 0o111 == 0 else { return try writeProgram(name, text, mode: mode) }
        let file = try write(Array(text.utf8), as: name).path
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    /// Written by another process: one that another test starts meanwhile would hold this process's descriptor for a
    /// moment, and a file that is open for writing cannot be executed (ETXTBSY, "Text file busy").
    private func writeProgram(_ name: String, _ text: String, mode: Int) throws -> String {
        let source = try write(Array(text.utf8), as: "\(name).text").path
        let install = Process()
        install.executableURL = URL(fileURLWithPath: "/usr/bin/install")
        install.arguments = ["-m", String(mode, radix: 8), source, file(name)]
        try install.run()
        install.waitUntilExit()
        guard install.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
        try FileManager.default.removeItem(atPath: source)
        return file(name)
    }

    package func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: url.appendingPathComponent(name)))
    }

    /// The text of a file, empty if there is none.
    package func read(_ name: String) -> String { String(decoding: (try? bytes(name)) ?? [], as: UTF8.self) }

    /// What is in it, in order of names.
    package var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}
