// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import Foundation
import KMSProtocol
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

    static func startKMS(_ folder: TemporaryDirectory) async throws -> (Process, String) {
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
        // ECPrivateKey ::= SEQUENCE { version 1, OCTET STRING of 32 bytes, … }: the bytes after 02 01 01 04 20.
        let marker: [UInt8] = [0x02, 0x01, 0x01, 0x04, 0x20]
        let start = try require((0..<p256.count - 37).first { Array(p256[$0..<$0 + 5]) == marker })
        return ImportedKeys(p256: p256, p256Scalar: Array(p256[(start + 5)..<(start + 37)]), hmac: hmac)
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
            "kms": ["endpoint": .string(kmsURL), "region": "us-east-1", "operations": ["Decrypt"]],
            "configuration": .string(folder.file("enclave.json")),
            "state": .string(folder.file("state")),
        ]
    }
}
