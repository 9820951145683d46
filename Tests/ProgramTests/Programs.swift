// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// The executables that were built beside the tests.
enum Programs: Sendable {
    static let folder: URL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Runs a program to its end; a bare name is one of this package's, or found on the PATH.
    static func run(
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
    static func start(_ arguments: [String], environment: [String: String] = [:], log: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: resolve(arguments[0]))
        process.arguments = Array(arguments.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        guard FileManager.default.createFile(atPath: log, contents: nil) else {
            throw Unexpected("cannot write \(log)")
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

/// A folder of one test, with a path short enough for unix sockets.
struct Scratch: Sendable {
    let path: String

    init() throws {
        path = "/tmp/kb-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
