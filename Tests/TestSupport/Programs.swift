// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// The executables that were built beside the tests.
package enum Programs: Sendable {
    package static let folder: URL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    package static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Runs a program to its end; a bare name is one of this package's, or found on the PATH.
    package static func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: [UInt8] = []
    ) async throws -> Tool.Result {
        try await Tool.run(
            resolve(arguments[0]),
            Array(arguments.dropFirst()),
            input: input,
            environment: environment
        )
    }

    /// Starts a program that goes on until it is terminated. Its standard output and error go to `log`.
    package static func start(
        _ arguments: [String],
        environment: [String: String] = [:],
        in directory: String? = nil,
        log: String
    ) throws -> Process {
        let process = Process()
        let program = resolve(arguments[0])
        // A bare name that is not ours is for `env` to find.
        let isPath = program.contains("/")
        process.executableURL = URL(fileURLWithPath: isPath ? program : "/usr/bin/env")
        process.arguments = (isPath ? [] : [program]) + arguments.dropFirst()
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        guard FileManager.default.createFile(atPath: log, contents: nil) else {
            throw Tool.Failure(description: "cannot write \(log)")
        }
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    private static func resolve(_ name: String) -> String {
        let own = path(name)
        return FileManager.default.isExecutableFile(atPath: own) ? own : name
    }
}
