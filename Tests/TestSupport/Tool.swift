// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// Runs programs that nobody here wrote: `openssl`, `python3`. What they say is what this project is tested against.
package enum Tool: Sendable {
    package struct Result: Sendable {
        package let status: Int32
        package let output: [UInt8]
        package let errors: String

        package var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// Runs `name` (looked for in `PATH`) to its end, off the threads of the tests. Standard input is `input`.
    package static func run(
        _ name: String,
        _ arguments: [String],
        input: [UInt8] = [],
        environment: [String: String] = [:]
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Swift.Result { try runHere(name, arguments, input: input, environment: environment) }
                )
            }
        }
    }

    /// Whether python3 can import all of `modules`.
    package static func pythonHas(_ modules: String...) -> Bool {
        let result = try? runHere(
            "python3",
            ["-c", "import " + modules.joined(separator: ", ")],
            input: [],
            environment: [:]
        )
        return result?.status == 0
    }

    /// Files instead of pipes: a pipe that nobody empties stops both sides.
    private static func runHere(
        _ name: String,
        _ arguments: [String],
        input: [UInt8],
        environment: [String: String]
    ) throws -> Result {
        let directory = try TemporaryDirectory()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = try directory.write([], as: "stdout")
        let errors = try directory.write([], as: "stderr")
        process.standardInput = try FileHandle(forReadingFrom: directory.write(input, as: "stdin"))
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus,
            output: [UInt8](try Data(contentsOf: output)),
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self)
        )
    }
}

/// A directory that goes with its owner.
package final class TemporaryDirectory: Sendable {
    package let url: URL

    package init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("keybroker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    package func write(_ bytes: [UInt8], as name: String) throws -> URL {
        let file = url.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}
