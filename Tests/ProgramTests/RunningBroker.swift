// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import Foundation
import KMSProtocol
import SigV4
import TestSupport

/// A whole installation on this machine, set up with the programs alone, as an operator would.
final class RunningBroker {
    let folder: Scratch
    /// `http://127.0.0.1:PORT` of the ingress.
    let url: String
    let kmsURL: String
    let kms: Process
    let host: Process
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
    init(
        specification: JSON = RunningBroker.specification,
        dataKey: DataKeySource = .new,
        prepare: (Scratch) async throws -> Void = { _ in }
    ) async throws {
        folder = try Scratch()
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
            ] + source.arguments,
            environment: source.environment,
            input: source.input
        )
        tsk = try await Self.unwrapTSK(client, configuration: folder.file("enclave.json"), keyARN: keyARN)
        try await Self.bindPolicy(client, keyARN: keyARN, folder: folder)

        let port = try Self.freePort()
        url = "http://127.0.0.1:\(port)"
        try Self.write(
            Array("[default]\naws_access_key_id = host\naws_secret_access_key = host-secret\n".utf8),
            folder.file("host-credentials")
        )
        try Self.write(
            Self.hostConfiguration(folder, port: port, kmsURL: kmsURL).serialized(),
            folder.file("host.json")
        )
        host = try Programs.start(
            ["keybroker-host", "--config", folder.file("host.json")],
            environment: ["AWS_SHARED_CREDENTIALS_FILE": folder.file("host-credentials")],
            log: folder.file("host.log")
        )
        try await waitUntilServing()
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
        [
            "AWS_ENDPOINT_URL_KMS": url, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_SHARED_CREDENTIALS_FILE": folder.file("credentials"),
        ]
    }

    /// A signed client of the broker's administrator.
    func client() throws -> KMSClient {
        let credentials = try CredentialChain.resolve(environment: clientEnvironment, profile: nil)
        return KMSClient(
            endpoint: url,
            region: "us-east-1",
            credentials: credentials,
            transport: WebTransport(),
            clock: Self.now
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
        for _ in 0..<1500 {
            let health = try? await BrokerEndpoint(url, transport: WebTransport(timeoutSeconds: 2)).health()
            if health?["state"]?.string == "unlocked" { return }
            guard host.isRunning else { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Unexpected("not serving: " + (try String(contentsOfFile: folder.file("host.log"), encoding: .utf8)))
    }

    // MARK: Set-up

    static let specification: JSON = [
        "format": 1, "keyringId": "test-keys", "account": "000000000000", "region": "us-east-1",
        "keys": [
            ["aliases": ["alias/audit-ed25519"], "keySpec": "ECC_NIST_EDWARDS25519"],
            ["aliases": ["alias/audit-p256"], "keySpec": "ECC_NIST_P256", "importFile": "p256.pem"],
            ["aliases": ["alias/audit-rsa"], "keySpec": "RSA_2048"],
            ["aliases": ["alias/audit-hmac"], "keySpec": "HMAC_256", "importFile": "hmac.bin"],
        ],
    ]

    private static func startKMS(_ folder: Scratch) async throws -> (Process, String) {
        let log = folder.file("kms.log")
        let process = try Programs.start(
            [
                "keybroker", "kms", "serve", "--listen", "127.0.0.1:0", "--root", folder.file("module/root.pem"),
                "--access-key", "test:test", "--access-key", "host:host-secret=\(hostRole)",
            ],
            log: log
        )
        for _ in 0..<500 {
            let text = try String(contentsOfFile: log, encoding: .utf8)
            if let match = text.firstMatch(of: /http:\/\/[0-9.]+:[0-9]+/) { return (process, String(match.0)) }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Unexpected("the development KMS does not start")
    }

    private static func makeImportedKeys(_ folder: Scratch) async throws -> ImportedKeys {
        _ = try await succeed(
            [
                "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                folder.file("p256.pem"),
            ])
        let der = folder.file("p256.der")
        _ = try await succeed([
            "openssl", "pkcs8", "-topk8", "-nocrypt", "-in", folder.file("p256.pem"), "-outform", "DER", "-out", der,
        ])
        let p256 = try bytes(der)
        try FileManager.default.removeItem(atPath: der)
        let hmac = try SecureRandom.bytes(count: 32)
        try write(hmac, folder.file("hmac.bin"))
        // ECPrivateKey ::= SEQUENCE { version 1, OCTET STRING of 32 bytes, … }: the bytes after 02 01 01 04 20.
        let marker: [UInt8] = [0x02, 0x01, 0x01, 0x04, 0x20]
        let start = try require((0..<p256.count - 37).first { Array(p256[$0..<$0 + 5]) == marker })
        return ImportedKeys(p256: p256, p256Scalar: Array(p256[(start + 5)..<(start + 37)]), hmac: hmac)
    }

    private static func unwrapTSK(_ client: KMSClient, configuration: String, keyARN: String) async throws -> [UInt8] {
        let tsk = try require(try JSON.parse(try bytes(configuration)).object?["tsk"]?.object)
        let answer = try await client.call(
            "TrentService.Decrypt",
            [
                "KeyId": .string(keyARN), "CiphertextBlob": try require(tsk["ciphertext"]),
                "EncryptionContext": try require(tsk["encryptionContext"]),
            ]
        )
        return try Base64.decode(try require(answer["Plaintext"]?.string))
    }

    /// Allows the host's role to ask, and denies whoever has another PCR0 or PCR16.
    private static func bindPolicy(_ client: KMSClient, keyARN: String, folder: Scratch) async throws {
        let measured = try await succeed([
            "keybroker", "image", "measure", "--binary", Programs.path("keybroker-enclave"), "--config",
            folder.file("enclave.json"), "--json",
        ])
        let pcrs = try require(try JSON.parse(Array(measured.utf8)).object)
        func deny(_ sid: String, _ key: String, _ value: JSON?) throws -> JSON {
            [
                "Sid": .string(sid), "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
                "Condition": [
                    "StringNotEqualsIgnoreCase": .object(JSONObject([(key, try require(value))]))
                ],
            ]
        }
        let policy: JSON = [
            "Version": "2012-10-17",
            "Statement": [
                [
                    "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::000000000000:root"], "Action": "kms:*",
                    "Resource": "*",
                ],
                [
                    "Effect": "Allow", "Principal": ["AWS": .string(hostRole)], "Action": "kms:Decrypt",
                    "Resource": "*",
                ],
                try deny("Image", "kms:RecipientAttestation:ImageSha384", pcrs["PCR0"]),
                try deny("Configuration", "kms:RecipientAttestation:PCR16", pcrs["PCR16"]),
            ],
        ]
        _ = try await client.call(
            "TrentService.PutKeyPolicy",
            [
                "KeyId": .string(keyARN), "PolicyName": "default",
                "Policy": .string(String(decoding: policy.serialized(), as: UTF8.self)),
            ]
        )
    }

    private static func hostConfiguration(_ folder: Scratch, port: Int, kmsURL: String) -> JSON {
        [
            "format": 1,
            "enclave": [
                "executable": .string(Programs.path("keybroker-enclave")),
                "module": .string("software:" + folder.file("module")),
                "endpoint": .string("unix://" + folder.file("enclave.sock")),
            ],
            "relay": ["listen": .string("unix://" + folder.file("relay.sock"))],
            "ingress": ["listen": .string("tcp://127.0.0.1:\(port)")],
            "kms": ["endpoint": .string(kmsURL), "region": "us-east-1", "operations": ["Decrypt"]],
            "configuration": .string(folder.file("enclave.json")),
            "state": .string(folder.file("state")),
        ]
    }

    // MARK: Small things

    static func now() -> Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    static func client(_ url: String, id: String, secret: String) throws -> KMSClient {
        var bytes = Array(secret.utf8)
        let credentials = AWSCredentials(
            accessKeyID: id,
            secretAccessKey: SharedSecret(try SecretBytes(movingFrom: &bytes))
        )
        return KMSClient(
            endpoint: url,
            region: "us-east-1",
            credentials: credentials,
            transport: WebTransport(),
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

    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard bound else { throw Unexpected("no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
