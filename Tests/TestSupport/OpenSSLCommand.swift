// SPDX-License-Identifier: Apache-2.0

/// The `openssl` command, as the second opinion, in a folder for its files that goes with the value.
package final class OpenSSLCommand: Sendable {
    private let folder: TemporaryDirectory

    package init() throws { folder = try TemporaryDirectory() }

    package var directory: String { folder.path }

    package func write(_ name: String, _ bytes: [UInt8]) throws { try folder.write(bytes, as: name) }

    package func read(_ name: String) throws -> [UInt8] { try folder.bytes(name) }

    /// Runs `openssl` in the folder, to whatever end; with `configuration`, a file there, as its OPENSSL_CONF.
    package func run(_ arguments: [String], configuration: String? = nil) async throws -> Tool.Result {
        let environment: [String: String?] = configuration.map { ["OPENSSL_CONF": folder.file($0)] } ?? [:]
        return try await Tool.run("openssl", arguments, environment: environment, in: folder.path)
    }

    /// Runs `openssl` in the folder; it has to succeed.
    ///
    /// - Throws: `Tool.Failure` with its standard error if it fails.
    @discardableResult
    package func succeed(_ arguments: String...) async throws -> Tool.Result {
        try await succeed(arguments)
    }

    /// Runs `openssl` in the folder; it has to succeed.
    ///
    /// - Throws: `Tool.Failure` with its standard error if it fails.
    @discardableResult
    package func succeed(_ arguments: [String]) async throws -> Tool.Result {
        try await Tool.succeed("openssl", arguments, in: folder.path)
    }
}
