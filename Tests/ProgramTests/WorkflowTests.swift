// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// docs/examples/ci: what its workflows and its page say, run as it stands there against a broker.
/// (Of the suite that has such a broker already.)
extension SystemClientTests {
    struct WorkflowTests {
        private static let hasTools = Tool.pythonHas("yaml", "awscli")
        private static let missing: Comment = "the aws command or PyYAML is not installed: make test installs them"
        private static let examples = SharedData.repository.appendingPathComponent("docs/examples/ci")

        /// A repository with two tagged commits, and what is outside of it: GitHub's releases, AWS's secrets, the runner's folder.
        private struct World {
            let folder: TemporaryDirectory
            let broker: RunningBroker
            var workspace: String { folder.file("workspace") }

            init(_ broker: RunningBroker) async throws {
                self.broker = broker
                folder = try TemporaryDirectory()
                for name in ["workspace/.github", "temp", "secrets", "releases", "state"] {
                    try FileManager.default.createDirectory(
                        atPath: folder.file(name),
                        withIntermediateDirectories: true
                    )
                }
                try FileManager.default.createSymbolicLink(
                    atPath: folder.file("workspace/docs"),
                    withDestinationPath: SharedData.repository.appendingPathComponent("docs").path
                )
                let git = ["-C", workspace, "-c", "user.name=n", "-c", "user.email=e@example.org"]
                try await Tool.succeed("git", ["init", "--quiet", workspace])
                for tag in ["v1.0.0", "v1.1.0"] {
                    try folder.write("workspace/program", "echo \(tag)\n")
                    try await Tool.succeed("git", git + ["add", "program"])
                    try await Tool.succeed("git", git + ["commit", "--quiet", "-m", tag])
                    try await Tool.succeed("git", git + ["tag", tag])
                }
            }

            /// As a variable of the repository has it.
            var identity: String {
                "--root \(broker.folder.file("module/root.pem")) --binary \(Programs.path("keybroker-enclave")) "
                    + "--config \(broker.folder.file("enclave.json"))"
            }

            /// Runs a workflow's steps, or commands of the page.
            func run(
                _ workflow: String,
                tag: String = "v1.1.0",
                identity: String? = nil,
                commands: [String] = [],
                environment: [String: String] = [:]
            ) async throws -> Tool.Result {
                let values = [
                    "github.ref_name": tag, "inputs.tag": tag, "vars.BROKER": broker.url,
                    "vars.AWS_REGION": "us-east-1",
                    "vars.BROKER_IDENTITY": identity ?? self.identity,
                    "vars.SIGNERS_IDENTITY": identity ?? self.identity,
                    "vars.RELEASE_ROLE": "arn:aws:iam::111122223333:role/release-signing",
                    "runner.temp": folder.file("temp"), "github.token": "token-of-github",
                ]
                let variables = [
                    "GH_RELEASES": folder.file("releases"), "GITHUB_SHA": "0123abcd",
                    "XDG_STATE_HOME": folder.file("state"),
                    "PATH": "\(Programs.folder.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "")",
                ].merging(environment) { $1 }
                var settings = JSONObject([
                    ("workspace", .string(workspace)), ("temp", .string(folder.file("temp"))),
                    ("secrets", .string(folder.file("secrets"))), ("values", Self.json(values)),
                    ("environment", Self.json(variables)),
                ])
                if !commands.isEmpty { settings["commands"] = .array(commands.map { .string($0) }) }
                // What actions/checkout would do.
                if commands.isEmpty { try await Tool.succeed("git", ["-C", workspace, "checkout", "--quiet", tag]) }
                let script = ClientTests.clients.appendingPathComponent("workflow.py").path
                let file = WorkflowTests.examples.appendingPathComponent(workflow).path
                let text = String(decoding: JSON.object(settings).serialized(), as: UTF8.self)
                return try await Programs.run(["python3", script, file, text])
            }

            private static func json(_ values: [String: String]) -> JSON {
                .object(JSONObject(values.map { ($0.key, .string($0.value)) }))
            }

            /// The commands of the page, by an administrator of the broker and by one of AWS.
            func setUp() async throws {
                let administrator = broker.clientEnvironment.merging([
                    "AWS_REGION": "us-east-1", "ACCOUNT": "000000000000", "BROKER_IDENTITY": identity,
                ]) { $1 }
                let once = try await run("sign-release.yml", commands: ["once"], environment: administrator)
                #expect(once.status == 0, "\(once.text)\(once.errors)")
                let secret = try await run(
                    "sign-release.yml",
                    commands: ["secret"],
                    environment: [
                        "AWS_ACCESS_KEY_ID": "ASIAROLEOFTHEJOB", "AWS_SECRET_ACCESS_KEY": "s",
                        "AWS_DEFAULT_REGION": "us-east-1",
                    ]
                )
                #expect(secret.status == 0, "\(secret.text)\(secret.errors)")
            }
        }

        @Test(.enabled(if: hasTools, missing))
        func `a release that one workflow signs the other verifies, and nothing that was changed`() async throws {
            let world = try await World(try SharedBroker.current)
            try await world.setUp()
            try await Self.checkAccessKey(world)

            // An enclave that is not the expected one: nothing is signed or published.
            let other =
                "--root \(world.broker.folder.file("module/root.pem")) --pcr 0=\(String(repeating: "1", count: 96)) "
                + "--pcr 16=\(String(repeating: "1", count: 96))"
            let refused = try await world.run("sign-release.yml", identity: other)
            #expect(refused.status == 1 && refused.text.hasSuffix("failed: Trust the enclave\n"), "\(refused.text)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.folder.file("releases")).isEmpty)

            for tag in ["v1.0.0", "v1.1.0"] {
                let signed = try await world.run("sign-release.yml", tag: tag)
                #expect(signed.status == 0 && signed.text.hasSuffix("ok\n"), "\(signed.text)\(signed.errors)")
            }
            let released = world.folder.file("releases/v1.1.0")
            let names = try FileManager.default.contentsOfDirectory(atPath: released).sorted()
            let release = "release-v1.1.0.tar.gz"
            #expect(names == [release, release + ".jsonl", release + ".sig"])
            func verify(_ identity: String? = nil) async throws -> Tool.Result {
                for name in names {
                    let path = world.folder.file("workspace/\(name)")
                    if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
                }
                return try await world.run("verify-release.yml", identity: identity)
            }
            let accepted = try await verify()
            #expect(accepted.status == 0 && accepted.text.hasSuffix("ok\n"), "\(accepted.text)\(accepted.errors)")

            // One thing wrong, each found by a step of its own.
            func older(_ ending: String) throws -> [UInt8] {
                try world.folder.bytes("releases/v1.0.0/release-v1.0.0.tar.gz" + ending)
            }
            let record = world.folder.read("releases/v1.1.0/\(release).jsonl")
            for (name, bytes, step) in [
                (release, try older(""), "openssl"), (release + ".sig", try older(".sig"), "openssl"),
                (release + ".jsonl", try older(".jsonl"), "keybroker"),
                (release + ".jsonl", Array(record.replacing("0123abcd", with: "0123abce").utf8), "keybroker"),
            ] {
                let path = "releases/v1.1.0/\(name)"
                let genuine = try world.folder.bytes(path)
                try world.folder.write(bytes, as: path)
                let result = try await verify()
                #expect(
                    result.status == 1 && result.text.hasSuffix("failed: Verify with \(step)\n"),
                    "\(name): \(result.text)"
                )
                try world.folder.write(genuine, as: path)
            }
            // An older release under the new one's name: its signature is good, and its record says what it is.
            for (name, ending) in zip(names, ["", ".jsonl", ".sig"]) {
                try world.folder.write(try older(ending), as: "releases/v1.1.0/\(name)")
            }
            let replayed = try await verify()
            #expect(replayed.text.contains("Verified OK") && replayed.text.hasSuffix("failed: Verify with keybroker\n"))
            let stranger = try await verify(other)
            #expect(stranger.text.contains("signer-not-attested"), "\(stranger.text)")
        }

        /// The access key that the workflow gets signs digests with one key, and does nothing else.
        private static func checkAccessKey(_ world: World) async throws {
            let environment = world.broker.clientEnvironment.merging([
                "AWS_SHARED_CREDENTIALS_FILE": world.folder.file("secrets/release-signing")
            ]) { $1 }
            let message = try world.folder.write("message", "a message")
            let digest = String(repeating: "07", count: 32)
            for (key, what, isAllowed) in [
                ("alias/release", ["--digest", digest], true), ("alias/release", ["--message", message], false),
                ("alias/audit-p256", ["--digest", digest], false),
            ] {
                let result = try await Programs.run(
                    ["keybroker", "key", "sign", key, "--algorithm", "ECDSA_SHA_256"] + what,
                    environment: environment
                )
                #expect((result.status == 0) == isAllowed, "\(key) \(what) \(result.errors)")
                #expect(isAllowed || result.errors.contains("AccessDeniedException"), "\(result.errors)")
            }
            let administered = try await Programs.run(
                ["keybroker", "key", "disable", "alias/release"],
                environment: environment
            )
            #expect(administered.status == 1 && administered.errors.contains("AccessDeniedException"))
        }

        @Test func `no credential stands in a workflow, nor in GitHub's secrets`() throws {
            for name in ["sign-release.yml", "verify-release.yml"] {
                let text = try String(contentsOf: Self.examples.appendingPathComponent(name), encoding: .utf8)
                #expect(!text.contains("secrets."), "\(name)")
                #expect(
                    text.firstMatch(of: /(AKIA|ASIA|KBAK)[A-Z0-9]{8}|BEGIN [A-Z ]*PRIVATE|SECRET_ACCESS_KEY/) == nil,
                    "\(name)"
                )
            }
        }
    }
}
