// SPDX-License-Identifier: Apache-2.0

import AWSClient
import BrokerProtocol
import Cryptography
import Encoding
import Foundation
import KMSProtocol
import Keyring
import TestSupport

/// The steps of an installation, with the programs alone.
extension RunningBroker {
    static let specification: JSON = [
        "format": 1, "keyringId": "test-keys", "account": "000000000000", "region": "us-east-1",
        "keys": [
            ["aliases": ["alias/audit-ed25519"], "keySpec": "ECC_NIST_EDWARDS25519"],
            ["aliases": ["alias/audit-p256"], "keySpec": "ECC_NIST_P256", "importFile": "p256.pem"],
            ["aliases": ["alias/audit-rsa"], "keySpec": "RSA_2048"],
            ["aliases": ["alias/audit-hmac"], "keySpec": "HMAC_256", "importFile": "hmac.bin"],
        ],
    ]

    /// On a port of its own choice, or on the one that it had before; what it holds outlives it.
    static func startKMS(_ folder: TemporaryDirectory, port: Int = 0) async throws -> (Process, String) {
        let log = folder.file("kms.log")
        let process = try Programs.start(
            [
                "keybroker", "kms", "serve", "--listen", "127.0.0.1:\(port)", "--state", folder.file("kms-state"),
                "--root", folder.file("module/root.pem"),
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

    static func makeImportedKeys(_ folder: TemporaryDirectory) async throws -> ImportedKeys {
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
        return ImportedKeys(p256: p256, p256Scalar: try scalar(ofPKCS8: p256), hmac: hmac)
    }

    /// The private scalar of a P-256 key.
    private static func scalar(ofPKCS8 bytes: [UInt8]) throws -> [UInt8] {
        // ECPrivateKey ::= SEQUENCE { version 1, OCTET STRING of 32 bytes, … }: the bytes after 02 01 01 04 20.
        let marker: [UInt8] = [0x02, 0x01, 0x01, 0x04, 0x20]
        let start = try require((0..<bytes.count - 37).first { Array(bytes[$0..<$0 + 5]) == marker })
        return Array(bytes[(start + 5)..<(start + 37)])
    }

    /// The newest keyring on the host's disk, opened under the TSK.
    func openedKeyring() throws -> KeyringContents {
        let configuration = try BrokerConfiguration(json: try folder.bytes("enclave.json"))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("state"))
        let newest = try Self.require(names.filter { $0.hasSuffix(".cose") }.max())
        var secret = tsk
        let keys = try TrustedSessionKey(try SecretBytes(movingFrom: &secret))
            .keys(keyringID: configuration.keyringID, kmsKeyARN: configuration.kms.keyARN)
        let sealed = try UnopenedKeyring(parsing: try folder.bytes("state/\(newest)"))
        return try sealed.open(keyringID: configuration.keyringID, keys: keys).contents
    }

    /// The private scalar of the key that ends TLS.
    func tlsScalar() throws -> [UInt8] {
        let key = try Self.require(try openedKeyring().tlsIdentity).key
        return try Self.scalar(
            ofPKCS8: try key.pkcs8().withBytes { bytes in
                (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            }
        )
    }

    static func unwrapTSK(_ client: KMSClient, configuration: String, keyARN: String) async throws -> [UInt8] {
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

    /// As an operator does: the policy that `keybroker policy key` prints.
    static func bindPolicy(_ client: KMSClient, keyARN: String, folder: TemporaryDirectory) async throws {
        let policy = try await succeed([
            "keybroker", "policy", "key", "--binary", Programs.path("keybroker-enclave"), "--config",
            folder.file("enclave.json"), "--role", hostRole,
        ])
        _ = try await client.call(
            "TrentService.PutKeyPolicy",
            ["KeyId": .string(keyARN), "PolicyName": "default", "Policy": .string(policy)]
        )
    }

    /// As whoever may change the policy can: the root user of the account may decrypt again.
    func unbindPolicy() async throws {
        let configuration = try Self.require(try JSON.parse(try folder.bytes("enclave.json")).object)
        let policy: JSON = [
            "Version": "2012-10-17",
            "Statement": [
                [
                    "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::000000000000:root"], "Action": "kms:*",
                    "Resource": "*",
                ]
            ],
        ]
        _ = try await Self.client(kmsURL, id: "test", secret: "test").call(
            "TrentService.PutKeyPolicy",
            [
                "KeyId": try Self.require(configuration["kms"]?.object?["keyArn"]), "PolicyName": "default",
                "Policy": .string(String(decoding: policy.serialized(), as: UTF8.self)),
            ]
        )
    }

    static func hostConfiguration(_ folder: TemporaryDirectory, port: Int, kmsURL: String) -> JSON {
        // A test may have put something else in its place.
        let own = folder.file("enclave")
        let executable = FileManager.default.fileExists(atPath: own) ? own : Programs.path("keybroker-enclave")
        return [
            "format": 1,
            "enclave": [
                "executable": .string(executable),
                "module": .string("software:" + folder.file("module")),
                "endpoint": .string("unix://" + folder.file("enclave.sock")),
            ],
            "relay": ["listen": .string("unix://" + folder.file("relay.sock"))],
            "ingress": ["listen": .string("tcp://127.0.0.1:\(port)")],
            "admin": ["listen": .string("unix://" + folder.file("admin.sock"))],
            "kms": ["endpoint": .string(kmsURL), "region": "us-east-1", "operations": ["Decrypt"]],
            "configuration": .string(folder.file("enclave.json")),
            "state": .string(folder.file("state")),
        ]
    }
}
