// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// The `python3` of the search path: the reference implementations that tests compare with are Python packages.
package enum PythonTool: Sendable {
    package struct Failure: Error {
        package let status: Int32
        package let output: String
    }

    /// Runs a script with `input` on its standard input; what it wrote to its standard output.
    package static func run(_ script: String, input: Data = Data()) throws -> Data {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("python-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // A file, not a pipe: nobody has to read while the other writes.
        let file = folder.appendingPathComponent("input")
        try input.write(to: file)

        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(status: process.terminationStatus, output: String(decoding: bytes, as: UTF8.self))
        }
        return bytes
    }

    package static func canImport(_ module: String) -> Bool { (try? run("import \(module)")) != nil }

    /// AWS's own client code.
    package static let hasBotocore = canImport("botocore")
    package static let botocoreMissing = "python3 cannot import botocore (make test installs it)"
}
