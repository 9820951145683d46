// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker trust`, and clients that have nothing but the lines that it prints.
@Suite(.serialized, .sharedBroker(tls: true))
struct TrustTests {
    static let examples = SharedData.repository.appendingPathComponent("docs/examples")
    static let hasClients = Tool.pythonHas("boto3", "awscli", "cryptography")
    static let missing: Comment = "boto3, the aws command or cryptography is not installed: make test installs them"

    /// Runs a shell command with the lines of `keybroker trust` and credentials, and nothing else of AWS.
    private static func client(_ broker: RunningBroker, _ lines: String, _ command: String) async throws -> Tool.Result
    {
        try broker.folder.write("trust.sh", lines)
        let credentials = try String(contentsOfFile: broker.folder.file("credentials"), encoding: .utf8)
        func value(_ name: String) -> String {
            credentials.split(separator: "\n").first { $0.hasPrefix(name) }.map {
                String($0.split(separator: " ").last ?? "")
            }
                ?? ""
        }
        return try await Tool.run(
            "bash",
            ["-c", "set -eu; . '\(broker.folder.file("trust.sh"))'; \(command)"],
            environment: [
                "AWS_SHARED_CREDENTIALS_FILE": broker.folder.file("credentials"), "AWS_ENDPOINT_URL": nil,
                "AWS_CONFIG_FILE": "/dev/null", "IMPORTED_HMAC_KEY": Hex.encode(broker.imported.hmac),
                "AWS_ACCESS_KEY_ID": value("aws_access_key_id"),
                "AWS_SECRET_ACCESS_KEY": value("aws_secret_access_key"),
            ]
        )
    }

    private static func example(_ name: String) -> String { examples.appendingPathComponent(name).path }

    @Test(.enabled(if: hasClients, missing))
    func `boto3, the aws command, Swift and Node sign over attested TLS with nothing but the lines that trust prints`()
        async throws
    {
        let broker = try SharedBroker.current
        let trusted = try await broker.trust()
        #expect(trusted.status == 0, "\(trusted.errors)")
        let lines = trusted.text.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines.allSatisfy { $0.hasPrefix("export AWS_") || $0.hasPrefix("export NODE_EXTRA_CA_CERTS=") })
        #expect(trusted.errors.contains("version 1, digest "))
        #expect(trusted.errors.contains(": as seen last\n"))

        let boto3 = try await Self.client(broker, trusted.text, "python3 \(ClientTests.clients.path)/boto3_client.py")
        #expect(boto3.text.hasSuffix("ok\n"), "\(boto3.errors)")
        var commands = [
            "python3 \(Self.example("sign.py"))", "bash \(Self.example("sign.sh"))",
            "swift run --quiet --package-path \(Self.example("swift")) --scratch-path \(broker.folder.file("swift")) sign",
        ]
        if try await Tool.run("node", ["--version"]).status == 0 { commands.append("node \(Self.example("sign.mjs"))") }
        try broker.folder.write("digest-input", "an audit event")
        for command in commands {
            let result = try await Self.client(broker, trusted.text, "\(command) alias/audit-p256")
            let signature = try Hex.decode(result.text.trimmingCharacters(in: .newlines))
            try broker.folder.write(signature, as: "signature")
            let verified = try await Tool.run(
                "openssl",
                [
                    "dgst", "-sha256", "-prverify", broker.folder.file("p256.pem"), "-signature",
                    broker.folder.file("signature"), broker.folder.file("digest-input"),
                ]
            )
            #expect(verified.text == "Verified OK\n", "\(command): \(result.errors)")
        }

        let bench = try await Programs.run(
            [
                "keybroker", "bench", "--key", "alias/audit-ed25519", "--connections", "2", "--duration", "0.3",
                "--warm-up",
                "0", "--openssl-seconds", "0", "--json",
            ],
            environment: broker.clientEnvironment
        )
        #expect(bench.status == 0, "\(bench.errors)")
    }

    @Test(.enabled(if: hasClients, missing))
    func `a restart of the enclave changes nothing for its clients`() async throws {
        let broker = try SharedBroker.current
        let first = try await broker.trust(["--json"])
        let bundle = try broker.folder.bytes("trust/test.pem")
        kill(try broker.enclavePID(), SIGKILL)
        try await broker.waitUntilServing()
        let second = try await broker.trust(["--json"])
        let (before, after) = (try JSON.parse(first.output).object, try JSON.parse(second.output).object)
        #expect(after?["trusted"] == true)
        #expect(after?["bootId"]?.string != nil)
        #expect(before?["bootId"] != after?["bootId"])
        #expect(before?["certificateSha256"] == after?["certificateSha256"])
        #expect(after?["continuity"] == "same")
        #expect(try broker.folder.bytes("trust/test.pem") == bundle)
        _ = try await broker.client().call("TrentService.ListKeys", [:])
    }

    /// A host that ends TLS itself, with a key and a certificate of its own for the same names.
    private static func startHost(_ broker: RunningBroker, captured: String? = nil) async throws -> (Process, String) {
        let folder = broker.folder
        _ = try await Tool.succeed(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-addext",
                "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth", "-keyout",
                folder.file("host.key"), "-out", folder.file("host.pem"),
            ]
        )
        let port = broker.url.split(separator: ":").last.map(String.init) ?? ""
        let log = folder.file("tls-host-\(UInt32.random(in: 0...UInt32.max)).log")
        let process = try Programs.start(
            [
                "python3", ClientTests.clients.appendingPathComponent("tls_host.py").path, folder.file("host.pem"),
                folder.file("host.key"), port,
            ] + [captured].compactMap(\.self),
            log: log
        )
        for _ in 0..<500 {
            let text = try String(contentsOfFile: log, encoding: .utf8)
            if text.hasSuffix("\n"), let port = Int(text.dropLast()) { return (process, "https://127.0.0.1:\(port)") }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Unexpected("the hostile host does not start")
    }

    @Test func `a host that answers in the enclave's place is not trusted, and its answers are not believed`()
        async throws
    {
        let broker = try SharedBroker.current
        // It forwards everything: the document is genuine, and fresh.
        let (relaying, url) = try await Self.startHost(broker)
        defer { relaying.terminate() }
        let relayed = try await broker.trust(["--endpoint", url, "--bundle", broker.folder.file("stolen.pem")])
        #expect(relayed.status == 1)
        #expect(relayed.errors.contains("not trusted: other-tls-key: "), "\(relayed.errors)")
        #expect(relayed.text.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: broker.folder.file("stolen.pem")))
        // Who trusts the enclave already does not talk to it.
        let curl = try await Tool.run("curl", ["-sS", "--max-time", "20", "--cacert", broker.bundle, url + "/health"])
        #expect(curl.status == 60, "\(curl.errors)")

        // A document of the genuine enclave, from another connection.
        let kept = broker.folder.file("kept.cbor")
        let nonce = String(repeating: "ab", count: 32)
        _ = try await Tool.succeed(
            "curl",
            ["-sS", "--cacert", broker.bundle, "-o", kept, "\(broker.url)/attestation?nonce=\(nonce)"]
        )
        let (replaying, other) = try await Self.startHost(broker, captured: kept)
        defer { replaying.terminate() }
        let replayed = try await broker.trust(["--endpoint", other])
        #expect(replayed.status == 1)
        #expect(replayed.errors.contains("attestation-rejected: attestation rejected: nonce"), "\(replayed.errors)")
    }

    @Test func `an older keyring, a fork, another identity and plain HTTP are not trusted, each by its name`()
        async throws
    {
        let broker = try SharedBroker.current
        let state = broker.folder.file("trust/test.json")
        let seen = try String(contentsOfFile: state, encoding: .utf8)
        func refusal(_ arguments: [String] = []) async throws -> String {
            let result = try await broker.trust(arguments)
            #expect(result.text.isEmpty)
            #expect(result.status == 1)
            return result.errors
        }
        try broker.folder.write(
            Array(seen.replacing("\"version\": 1", with: "\"version\": 2").utf8),
            as: "trust/test.json"
        )
        #expect(try await refusal().contains("not trusted: keyring-rollback: "))
        let digest = try #require(seen.firstMatch(of: /[0-9a-f]{96}/)).output
        let forked = seen.replacing(digest, with: String(repeating: "0", count: 96))
        try broker.folder.write(Array(forked.utf8), as: "trust/test.json")
        #expect(try await refusal().contains("not trusted: keyring-fork: "))
        try broker.folder.write(Array(seen.utf8), as: "trust/test.json")
        let other = String(repeating: "1", count: 96)
        #expect(try await refusal(["--pcr", "0=\(other)"]).contains("attestation-rejected: attestation rejected: pcr"))
        #expect(
            try await refusal(["--pcr", "16=\(other)"]).contains("attestation-rejected: attestation rejected: pcr")
        )
        let clear = broker.url.replacing("https", with: "http")
        #expect(try await broker.trust(["--endpoint", clear]).status == 2)
        let elsewhere = broker.kmsURL.replacing("http", with: "https")
        #expect(try await refusal(["--endpoint", elsewhere]).contains("not trusted: not-tls: "))
        #expect(try await broker.trust().status == 0)
    }

    @Test func `a keyring for a public name is not made with TLS`() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(
            "keyring.json",
            #"{"format":1,"keyringId":"k","account":"000000000000","region":"us-east-1","keys":[{"keySpec":"HMAC_256"}]}"#
        )
        try folder.write([1, 2, 3], as: "blob")
        let create = [
            "keybroker", "keyring", "create", "--spec", folder.file("keyring.json"), "--broker-id", "b", "--host",
            "kms.us-east-1.amazonaws.com", "--kms-key", DataKeyTests.arn, "--ciphertext-blob", folder.file("blob"),
            "--configuration", folder.file("enclave.json"), "--state", folder.file("state"), "--credentials",
            folder.file("credentials"),
        ]
        let key = [UInt8](repeating: 7, count: 32)
        let refused = try await Programs.run(create, input: key)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("kms.us-east-1.amazonaws.com is public"), "\(refused.errors)")
        let plain = try await Programs.run(create + ["--plain-http"], input: key)
        #expect(plain.status == 0, "\(plain.errors)")
        #expect(plain.errors.contains("warning: --plain-http"))
    }
}
