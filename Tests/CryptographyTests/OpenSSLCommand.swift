// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The `openssl` command, as the second opinion, and a directory for its files that goes with the value.
final class OpenSSLCommand {
    struct Outcome {
        let status: Int32
        let output: [UInt8]
        let errors: String
        var text: String { String(decoding: output, as: UTF8.self) }
    }

    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("openssl-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: directory)
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: directory.appendingPathComponent(name))
    }

    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: directory.appendingPathComponent(name)))
    }

    /// Runs `openssl` with these arguments in the directory.
    @discardableResult
    func run(_ arguments: [String], configuration: String? = nil) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = directory
        if let configuration {
            let file = directory.appendingPathComponent(configuration).path
            process.environment = ProcessInfo.processInfo.environment.merging(["OPENSSL_CONF": file]) { $1 }
        }
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: a child of another test that runs at the same time may hold a pipe's end open.
        let outputFile = directory.appendingPathComponent("stdout-\(UUID().uuidString)")
        let errorFile = directory.appendingPathComponent("stderr-\(UUID().uuidString)")
        for file in [outputFile, errorFile] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus,
            output: [UInt8](try Data(contentsOf: outputFile)),
            errors: String(decoding: try Data(contentsOf: errorFile), as: UTF8.self)
        )
    }

    /// Runs `openssl` and records an issue if it fails.
    @discardableResult
    func succeed(_ arguments: String...) throws -> Outcome {
        try succeed(arguments)
    }

    /// Runs `openssl` and records an issue if it fails.
    @discardableResult
    func succeed(_ arguments: [String]) throws -> Outcome {
        let outcome = try run(arguments)
        #expect(outcome.status == 0, "openssl \(arguments.joined(separator: " ")): \(outcome.errors)")
        return outcome
    }
}
