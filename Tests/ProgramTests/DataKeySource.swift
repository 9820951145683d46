// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import TestSupport

/// Where a new keyring's TSK comes from.
enum DataKeySource {
    /// A data key that `keyring create` asks of KMS.
    case new
    /// The JSON that `aws kms generate-data-key` prints, without an encryption context.
    case json
    /// A wrapped key in a file and its plaintext on standard input, with the context of another program.
    case blob

    static let context: JSON = ["app": "audit", "note": "a=b, c"]

    /// What `keyring create` is started with. Only a new data key comes with an endpoint and credentials of KMS.
    func arguments(kmsURL: String, keyARN: String, folder: TemporaryDirectory) async throws -> (
        arguments: [String], environment: [String: String], input: [UInt8]
    ) {
        let administrator = RunningBroker.administrator.merging(["AWS_ENDPOINT_URL_KMS": kmsURL]) { $1 }
        let client = try RunningBroker.client(kmsURL, id: "test", secret: "test")
        switch self {
        case .new:
            return (["--kms-key", keyARN], administrator, [])
        case .json:
            let alias = "alias/confidential-workflow-tsk"
            _ = try await client.call(
                "TrentService.CreateAlias",
                ["AliasName": .string(alias), "TargetKeyId": .string(keyARN)]
            )
            let printed: [UInt8]
            if ClientTests.hasAWS {
                let command = [
                    "kms", "generate-data-key", "--key-id", alias, "--key-spec", "AES_256", "--output", "json",
                ]
                printed = Array(
                    try await RunningBroker.succeed(
                        ["aws", "--region", "us-east-1"] + command,
                        environment: administrator
                    ).utf8
                )
            } else {
                let answer = try await client.call(
                    "TrentService.GenerateDataKey",
                    ["KeyId": .string(alias), "KeySpec": "AES_256"]
                )
                printed = JSON.object(answer).serialized(pretty: true)
            }
            try RunningBroker.write(printed, folder.file("data-key.json"))
            return (["--data-key", folder.file("data-key.json")], [:], [])
        case .blob:
            let answer = try await client.call(
                "TrentService.GenerateDataKey",
                ["KeyId": .string(keyARN), "KeySpec": "AES_256", "EncryptionContext": Self.context]
            )
            let blob = try Base64.decode(try RunningBroker.require(answer["CiphertextBlob"]?.string))
            try RunningBroker.write(blob, folder.file("wrapped.bin"))
            let plaintext = try RunningBroker.require(answer["Plaintext"]?.string)
            let context = String(decoding: Self.context.serialized(), as: UTF8.self)
            return (
                [
                    "--kms-key", keyARN, "--ciphertext-blob", folder.file("wrapped.bin"), "--encryption-context",
                    context,
                ], [:], Array((plaintext + "\n").utf8)
            )
        }
    }
}
