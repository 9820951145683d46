// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker kms serve` as a user starts it.
struct DevelopmentKMSProgramTests {
    @Test(.enabled(if: ClientTests.hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `every acknowledged change is there after kill -9`() async throws {
        let scratch = try TemporaryDirectory()
        defer { scratch.remove() }
        let result = try await Programs.run([
            "python3", ClientTests.clients.appendingPathComponent("kms_kill.py").path, Programs.path("keybroker"),
            scratch.file("state"), "12",
        ])
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.hasSuffix("ok\n"))
    }

    @Test func `a rule, a directory or a log that cannot be is refused with a reason`() async throws {
        let scratch = try TemporaryDirectory()
        defer { scratch.remove() }
        try FileManager.default.createDirectory(
            atPath: scratch.file("open"),
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755]
        )
        for (arguments, status, reason) in [
            (["--fail", "Decrypt=often"], 2, "expected OPERATION=FAILURE"),
            (["--fail", "Nothing=throttle"], 2, "there is no operation Nothing"),
            (["--state", scratch.file("open")], 1, "chmod 700"),
            (["--log", scratch.file("none/log")], 2, "No such file"),
        ] {
            let result = try await Programs.run(["keybroker", "kms", "serve", "--listen", "127.0.0.1:0"] + arguments)
            #expect(result.status == status, "\(arguments)")
            #expect(result.errors.contains(reason), "\(result.errors)")
        }
    }

    @Test func `the help explains the rules of failing`() async throws {
        let result = try await Programs.run(["keybroker", "kms", "serve", "--help"])
        #expect(result.status == 0)
        for text in ["OPERATION=FAILURE[:COUNT][%PERCENT]", "throttle", "error:NAME", "delay:MS", "silence"] {
            #expect(result.text.contains(text))
        }
    }
}
