// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Runs programs that nobody here wrote: `openssl`, `python3`. What they say is what this project is tested against.
package enum Tool: Sendable {
    package struct Result: Sendable {
        package let status: Int32
        package let output: [UInt8]
        package let errors: String

        package var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// A program that had to succeed and did not.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Runs `name` (a path, or looked for in `PATH`) to its end, off the threads of the tests. It reads `input`, has
    /// `environment` beside the variables of the tests (nil takes one away), and runs in `directory`, or where they do.
    package static func run(
        _ name: String,
        _ arguments: [String],
        input: [UInt8] = [],
        environment: [String: String?] = [:],
        in directory: String? = nil
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Swift.Result {
                        try runHere(name, arguments, input: input, environment: environment, directory: directory)
                    }
                )
            }
        }
    }

    /// The same for a program that has to succeed.
    ///
    /// - Throws: `Failure` with its standard error otherwise.
    @discardableResult
    package static func succeed(
        _ name: String,
        _ arguments: [String],
        input: [UInt8] = [],
        environment: [String: String?] = [:],
        in directory: String? = nil
    ) async throws -> Result {
        let result = try await run(name, arguments, input: input, environment: environment, in: directory)
        guard result.status == 0 else {
            throw Failure(description: "\(name) \(arguments.prefix(3)): \(result.status): \(result.errors)")
        }
        return result
    }

    /// Whether the `PATH` has it.
    package static func isInstalled(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    // MARK: Python: the reference implementations that tests compare with are its packages

    /// Runs a script that has to succeed; what it wrote to its standard output.
    package static func python(_ script: String, input: [UInt8] = []) async throws -> [UInt8] {
        try await succeed("python3", ["-c", script], input: input).output
    }

    /// Whether python3 can import all of `modules`: asked once of each.
    package static func pythonHas(_ modules: String...) -> Bool {
        let wanted = modules.joined(separator: ", ")
        return importable.withLock { known in
            if let answer = known[wanted] { return answer }
            let answer = (try? runHere("python3", ["-c", "import " + wanted]))?.status == 0
            known[wanted] = answer
            return answer
        }
    }

    private static let importable = Mutex<[String: Bool]>([:])

    // MARK: -

    /// Files instead of pipes: a pipe that nobody empties stops both sides, and a child of another test may hold its end.
    private static func runHere(
        _ name: String,
        _ arguments: [String],
        input: [UInt8] = [],
        environment: [String: String?] = [:],
        directory: String? = nil
    ) throws -> Result {
        let files = try TemporaryDirectory()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment.compactMapValues(\.self)) { $1 }
            .filter { environment[$0.key, default: ""] != nil }
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let output = try files.write([], as: "stdout")
        let errors = try files.write([], as: "stderr")
        process.standardInput = try FileHandle(forReadingFrom: files.write(input, as: "stdin"))
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
