// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The enclave's program over an OpenSSL that cannot do its part.
struct BrokenLibraryTests {
    private static let hasCompiler = FileManager.default.isExecutableFile(atPath: "/usr/bin/cc")

    @Test(.enabled(if: hasCompiler, "there is no C compiler"))
    func `an OpenSSL without hash functions is an error at start, not a crash`() async throws {
        let folder = try TemporaryDirectory()
        let source = ClientTests.clients.appendingPathComponent("no_digests.c").path
        _ = try await Tool.succeed("cc", ["-shared", "-fPIC", "-o", folder.file("shim.so"), source])
        let arguments = [
            "--relay", "unix://\(folder.file("relay.sock"))", "--listen", "unix://\(folder.file("enclave.sock"))",
            "--module", "software:\(folder.file("module"))",
        ]
        let result = try await Tool.run(
            Programs.path("keybroker-enclave"),
            arguments,
            environment: ["LD_PRELOAD": folder.file("shim.so")]
        )
        #expect(result.status == 1)
        #expect(result.errors.contains("cryptography: libcrypto lacks an algorithm"), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("module")))
    }
}
