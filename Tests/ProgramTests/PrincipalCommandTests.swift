// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker principal` against scripted answers: what is sent, and where the secret goes.
struct PrincipalCommandTests {
    let broker: PrincipalStub
    var folder: TemporaryDirectory { broker.folder }

    init() async throws { broker = try await PrincipalStub() }

    private func principal(_ arguments: String...) async throws -> Tool.Result {
        try await Programs.run(["keybroker", "principal"] + arguments, environment: broker.environment)
    }

    private func mode(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: folder.file(name))[.posixPermissions] as? Int
    }

    @Test func `the secret goes into a file that only its owner reads, and is shown to nobody`() async throws {
        try folder.write("policy.json", #"{"Version":"2012-10-17","Statement":[]}"#)
        let result = try await principal(
            "create",
            "app",
            "--policy",
            folder.file("policy.json"),
            "--credentials-file",
            folder.file("credentials")
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(!(result.text + result.errors).contains(PrincipalStub.secret))
        #expect(result.text.contains("KBAKNEW"))
        #expect(
            folder.read("credentials")
                == "[default]\naws_access_key_id = KBAKNEW\naws_secret_access_key = \(PrincipalStub.secret)\n"
        )
        #expect(try mode("credentials") == 0o600)
        #expect(folder.names.filter { $0.hasSuffix(".new") } == [])
        let request = try #require(try broker.requests().first)
        #expect(request["target"] == "KeyBroker.CreatePrincipal")
        #expect(
            request["input"] == [
                "PrincipalName": "app", "Policies": [#"{"Version":"2012-10-17","Statement":[]}"#],
            ]
        )
    }

    @Test func `boto's own reader finds the profile that was added, and those that were there`() async throws {
        try folder.write("credentials", "[default]\naws_access_key_id = A\naws_secret_access_key = B", mode: 0o644)
        let result = try await principal("create", "app", "--credentials-file", folder.file("credentials"), "--json")
        #expect(result.status == 0, "\(result.errors)")
        #expect(!result.text.contains(PrincipalStub.secret))
        #expect(try mode("credentials") == 0o600)
        let script = """
            import configparser, sys
            c = configparser.ConfigParser(); c.read(sys.argv[1])
            print(c["default"]["aws_secret_access_key"], c["app"]["aws_access_key_id"], c["app"]["aws_secret_access_key"])
            """
        let read = try await Programs.run(["python3", "-c", script, folder.file("credentials")])
        #expect(read.text == "B KBAKNEW \(PrincipalStub.secret)\n")
    }

    @Test func `a secret that could not be kept is not asked for`() async throws {
        let taken = "[app]\naws_access_key_id = A\n"
        try folder.write("credentials", taken)
        for (arguments, status, says) in [
            (
                ["--credentials-file", folder.file("credentials"), "--new-profile", "app"], 2,
                "has a profile app already"
            ),
            (["--credentials-file", folder.file("none/credentials")], 1, "cannot be written"),
            (["--credentials-file", folder.file("x"), "--new-profile", "a]b"], 2, "--new-profile"),
            ([], 2, "--credentials-file FILE"),
        ] as [([String], Int32, String)] {
            let result = try await Programs.run(
                ["keybroker", "principal", "create", "app"] + arguments,
                environment: broker.environment
            )
            #expect(result.status == status, "\(arguments): \(result.errors)")
            #expect(result.errors.contains(says), "\(result.errors)")
        }
        #expect(try broker.requests().isEmpty)
        #expect(folder.read("credentials") == taken)
    }

    @Test func `a refusal leaves no file behind`() async throws {
        let result = try await principal("create", "denied", "--credentials-file", folder.file("credentials"))
        #expect(result.status == 1)
        #expect(result.errors.contains("is not authorized to perform: a on resource: r"))
        #expect(result.errors.contains("keybroker principal policy put"))
        #expect(folder.names.filter { $0.hasPrefix("credentials") } == [])
    }

    @Test func `the secret is shown to whom it is asked for`() async throws {
        let result = try await principal("create", "app", "--show-secret")
        #expect(result.text.contains(PrincipalStub.secret))
        let json = try JSON.parse(try await principal("create", "app", "--show-secret", "--json").output)
        #expect(json.object?["SecretAccessKey"]?.string == PrincipalStub.secret)
    }

    @Test func `a list has all pages`() async throws {
        let list = try await principal("list", "--json")
        let principals = try #require(try JSON.parse(list.output).object?["Principals"]?.array)
        #expect(
            principals.compactMap { $0.object?["AccessKeyId"]?.string } == ["KBAKONE", "KBAKTWOA", "KBAKTWOB"]
        )
        #expect(try await principal("list").text.contains("2025-11-21T10:00:00.500Z"))
    }

    @Test func `a name stands for its only access key, and for none of several`() async throws {
        try folder.write("policy.json", #"{"n":2}"#)
        let put = ["policy", "put", "--policy", folder.file("policy.json")]
        for name in ["one", "KBAKTWOB", "two", "nobody"] {
            _ = try await Programs.run(["keybroker", "principal"] + put + [name], environment: broker.environment)
        }
        let sent = try broker.requests().filter { $0["target"] == "KeyBroker.PutPrincipalPolicy" }
        #expect(sent.compactMap { $0["input"]?.object?["AccessKeyId"]?.string } == ["KBAKONE", "KBAKTWOB"])
        #expect(sent.first?["input"]?.object?["Policies"] == [#"{"n":2}"#])
        #expect(try await principal("policy", "get", "two").errors.contains("KBAKTWOA, KBAKTWOB"))
        #expect(try await principal("policy", "get", "one").text == "{\"n\":1}\n")
    }

    @Test func `an access key is deleted with a yes alone`() async throws {
        #expect(try await principal("delete", "KBAKONE").status == 2)
        #expect(try broker.requests().isEmpty)
        #expect(try await principal("delete", "KBAKONE", "--yes").status == 0)
        #expect(try broker.requests().first?["input"] == ["AccessKeyId": "KBAKONE"])
    }
}

/// A program that answers as a broker would.
final class PrincipalStub {
    static let secret = "aSecret+Access/Key0123456789012345678901"

    let folder: TemporaryDirectory
    private let process: Process
    private let url: String

    init() async throws {
        folder = try TemporaryDirectory()
        let script = ClientTests.clients.appendingPathComponent("principal_stub.py").path
        process = try Programs.start(["python3", "-u", script, Self.secret], log: folder.file("stub.log"))
        for _ in 0..<1500 {
            if let match = folder.read("stub.log").firstMatch(of: /http:\/\/[0-9.]+:[0-9]+\n/) {
                url = String(match.0.dropLast())
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        process.terminate()
        throw Unexpected("the stub does not start")
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    var environment: [String: String] {
        ["AWS_ENDPOINT_URL_KMS": url, "AWS_ACCESS_KEY_ID": "KBAKADMIN", "AWS_SECRET_ACCESS_KEY": "secret"]
    }

    /// What was asked, in order.
    func requests() throws -> [JSONObject] {
        try folder.read("stub.log").split(separator: "\n").dropFirst().map { line in
            try RunningBroker.require(try JSON.parse(Array(line.utf8)).object)
        }
    }
}
