// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import Foundation
import KMSProtocol
import SigV4
import TestSupport

/// A whole installation on this machine, set up with the programs alone, as an operator would.
/// One test at a time has it: the suites that share one are serialized.
final class RunningBroker: @unchecked Sendable {
    let folder: TemporaryDirectory
    /// `http://127.0.0.1:PORT` of the ingress, https where TLS ends inside.
    let url: String
    private let tls: Bool
    let kmsURL: String
    private(set) var kms: Process
    private(set) var host: Process
    /// The TSK, which an operator could still ask of KMS before binding the key's policy.
    let tsk: [UInt8]
    let imported: ImportedKeys

    /// Key material that the test knows because it made it: PKCS#8 of an EC key, and a raw HMAC key.
    struct ImportedKeys {
        let p256: [UInt8]
        /// The private scalar alone.
        let p256Scalar: [UInt8]
        let hmac: [UInt8]
    }

    static let administrator = ["AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"]
    static let hostRole = "arn:aws:iam::000000000000:role/keybroker-host"

    /// Over a keyring of this specification, under this data key; `prepare` puts more files beside the specification.
    /// With `tls` as a new keyring has it by default, and then trusted by `keybroker trust`; else plain HTTP.
    init(
        tls: Bool = false,
        specification: JSON = RunningBroker.specification,
        dataKey: DataKeySource = .new,
        prepare: (TemporaryDirectory) async throws -> Void = { _ in }
    ) async throws {
        self.tls = tls
        folder = try TemporaryDirectory()
        _ = try await Self.succeed(["keybroker", "module", "create", folder.file("module")])
        (kms, kmsURL) = try await Self.startKMS(folder)

        let client = try Self.client(kmsURL, id: "test", secret: "test")
        let created = try await client.call("TrentService.CreateKey", ["Description": "TSK"])
        let keyARN = try Self.require(created["KeyMetadata"]?.object?["Arn"]?.string)
        imported = try await Self.makeImportedKeys(folder)
        try await prepare(folder)
        try Self.write(specification.serialized(), folder.file("keyring.json"))
        let source = try await dataKey.arguments(kmsURL: kmsURL, keyARN: keyARN, folder: folder)
        _ = try await Self.succeed(
            [
                "keybroker", "keyring", "create", "--spec", folder.file("keyring.json"), "--broker-id", "test",
                "--configuration", folder.file("enclave.json"), "--state", folder.file("state"), "--credentials",
                folder.file("credentials"),
            ] + source.arguments + (tls ? [] : ["--plain-http"]),
            environment: source.environment,
            input: source.input
        )
        tsk = try await Self.unwrapTSK(client, configuration: folder.file("enclave.json"), keyARN: keyARN)
        try await Self.bindPolicy(client, keyARN: keyARN, folder: folder)

        let port = try FreePort.next()
        url = "\(tls ? "https" : "http")://127.0.0.1:\(port)"
        try Self.write(
            Array("[default]\naws_access_key_id = host\naws_secret_access_key = host-secret\n".utf8),
            folder.file("host-credentials")
        )
        try Self.write(
            Self.hostConfiguration(folder, port: port, kmsURL: kmsURL).serialized(),
            folder.file("host.json")
        )
        host = try Self.startHost(folder)
        try await waitUntilServing()
    }

    private static func startHost(_ folder: TemporaryDirectory) throws -> Process {
        try Programs.start(
            ["keybroker-host", "--config", folder.file("host.json")],
            environment: ["AWS_SHARED_CREDENTIALS_FILE": folder.file("host-credentials")],
            log: folder.file("host.log")
        )
    }

    /// Stops the host and its enclave, does something to the host's files, and starts both again. Returns once it serves;
    /// at once without `waiting`.
    func restart(waiting: Bool = true, after change: () async throws -> Void = {}) async throws {
        host.terminate()
        host.waitUntilExit()
        try await change()
        host = try Self.startHost(folder)
        if waiting { try await waitUntilServing() }
    }

    // MARK: Killing

    func killHost() { Self.kill(host) }
    func killKMS() { Self.kill(kms) }
    func startHostAgain() throws { host = try Self.startHost(folder) }

    func startKMSAgain() async throws {
        let port = try Self.require(URL(string: kmsURL)?.port)
        (kms, _) = try await Self.startKMS(folder, port: port)
    }

    private static func kill(_ process: Process) {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    deinit {
        for process in [host, kms] where process.isRunning {
            process.terminate()
            process.waitUntilExit()
        }
        folder.remove()
    }

    /// What a client's environment needs to call the broker.
    var clientEnvironment: [String: String] {
        let environment = [
            "AWS_ENDPOINT_URL_KMS": url, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_SHARED_CREDENTIALS_FILE": folder.file("credentials"),
        ]
        return tls ? environment.merging(["AWS_CA_BUNDLE": bundle]) { $1 } : environment
    }

    /// What `keybroker trust` wrote.
    var bundle: String { folder.file("trust/test.pem") }

    /// Runs `keybroker trust` as the broker's users would; `arguments` come last.
    func trust(_ arguments: [String] = []) async throws -> Tool.Result {
        try await Programs.run(
            [
                "keybroker", "trust", "--endpoint", url, "--root", folder.file("module/root.pem"), "--binary",
                Programs.path("keybroker-enclave"), "--config", folder.file("enclave.json"), "--state",
                folder.file("trust/test.json"),
            ] + arguments
        )
    }

    /// A signed client of the broker's administrator, whose clock may be wrong.
    func client(clock: @escaping @Sendable () -> Timestamp = RunningBroker.now) throws -> KMSClient {
        let variables = clientEnvironment
        return KMSClient(
            endpoint: url,
            region: "us-east-1",
            credentials: { () async throws(CredentialError) in
                try await CredentialChain.credentials(profile: nil, variables: variables, clock: RunningBroker.now)
            },
            transport: WebTransport(certificateAuthorityFile: tls ? bundle : nil),
            clock: clock
        )
    }

    /// The process of the enclave: the host's only child.
    func enclavePID() throws -> Int32 {
        let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
        let children = processes.filter { process in
            // "PID (name) STATE PPID …"; the name is ours and has no parenthesis.
            let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
            let fields = stat?.split(separator: ")").last?.split(separator: " ")
            return fields.flatMap { $0.count > 1 ? Int32($0[1]) : nil } == host.processIdentifier
        }
        return try Self.require(children.count == 1 ? children.first : nil)
    }

    func waitUntilServing() async throws {
        // Until it is unlocked the enclave answers in clear, and TLS is trusted by its attestation alone.
        if tls {
            var said = ""
            for _ in 0..<300 where host.isRunning {
                let result = try await trust()
                if result.status == 0 { return }
                said = result.errors
                try await Task.sleep(for: .milliseconds(100))
            }
            throw Unexpected("not trusted: \(said)" + folder.read("host.log"))
        }
        for _ in 0..<1500 {
            let health = try? await BrokerEndpoint(url, transport: WebTransport(timeoutSeconds: 2)).health()
            if health?["state"]?.string == "unlocked" { return }
            guard host.isRunning else { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Unexpected("not serving: " + (try String(contentsOfFile: folder.file("host.log"), encoding: .utf8)))
    }

    // MARK: Small things

    static func now() -> Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    static func client(
        _ url: String,
        id: String,
        secret: String,
        transport: WebTransport = WebTransport()
    ) throws -> KMSClient {
        var bytes = Array(secret.utf8)
        let credentials = AWSCredentials(
            accessKeyID: id,
            secretAccessKey: SharedSecret(try SecretBytes(movingFrom: &bytes))
        )
        return KMSClient(
            endpoint: url,
            region: "us-east-1",
            credentials: credentials,
            transport: transport,
            clock: now
        )
    }

    /// Runs to its end; standard output.
    static func succeed(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: [UInt8] = []
    ) async throws -> String {
        let result = try await Programs.run(arguments, environment: environment, input: input)
        guard result.status == 0 else {
            throw Unexpected("\(arguments.prefix(3)): \(result.status): \(result.errors)")
        }
        return result.text
    }

    static func require<T>(_ value: T?, line: Int = #line) throws -> T {
        guard let value else { throw Unexpected("missing, line \(line)") }
        return value
    }

    static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    static func write(_ bytes: [UInt8], _ path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
