// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import TestSupport
import Testing

/// The policy that `keybroker policy key` prints, on a key of the development KMS under which a real enclave unlocks.
struct UnlockPolicyProgramTests {
    /// The name of the error of a request that must fail.
    private static func refusal(_ client: KMSClient, _ operation: String, _ input: JSON) async -> String? {
        do {
            _ = try await client.call("TrentService.\(operation)", input)
            return nil
        } catch {
            if case .service(let error, _) = error { return error.name }
            return "\(error)"
        }
    }

    private static func put(_ policy: String, on keyARN: String, _ client: KMSClient) async throws {
        _ = try await client.call(
            "TrentService.PutKeyPolicy",
            ["KeyId": .string(keyARN), "PolicyName": "default", "Policy": .string(policy)]
        )
    }

    @Test func `the enclave unlocks under it, nobody else gets or moves the TSK, and another PCR16 gets nothing`()
        async throws
    {
        // Unlocked: KMS released the TSK under the printed policy.
        let broker = try await RunningBroker()
        let configuration = try #require(
            try JSON.parse(RunningBroker.bytes(broker.folder.file("enclave.json"))).object
        )
        let keyARN = try #require(configuration["kms"]?.object?["keyArn"]?.string)
        let tsk = try #require(configuration["tsk"]?.object)
        let ciphertext = try #require(tsk["ciphertext"])
        let context = try #require(tsk["encryptionContext"])
        let decrypt: JSON = ["KeyId": .string(keyARN), "CiphertextBlob": ciphertext, "EncryptionContext": context]

        let administrator = try RunningBroker.client(broker.kmsURL, id: "test", secret: "test")
        let host = try RunningBroker.client(broker.kmsURL, id: "host", secret: "host-secret")
        for client in [administrator, host] {
            #expect(await Self.refusal(client, "Decrypt", decrypt) == "AccessDeniedException")
            for (operation, input) in [
                ("GenerateDataKey", ["KeyId": .string(keyARN), "KeySpec": "AES_256", "EncryptionContext": context]),
                ("GenerateDataKeyWithoutPlaintext", ["KeyId": .string(keyARN), "KeySpec": "AES_256"]),
                ("Encrypt", ["KeyId": .string(keyARN), "Plaintext": "AAAA", "EncryptionContext": context]),
                (
                    "ReEncrypt",
                    [
                        "CiphertextBlob": ciphertext, "SourceEncryptionContext": context,
                        "DestinationKeyId": .string(keyARN),
                    ]
                ),
            ] as [(String, JSON)] {
                #expect(await Self.refusal(client, operation, input) == "AccessDeniedException", "\(operation)")
            }
        }
        let policyOf: JSON = ["KeyId": .string(keyARN)]
        #expect(await Self.refusal(host, "GetKeyPolicy", policyOf) == "AccessDeniedException")
        let right = try #require(
            try await administrator.call("TrentService.GetKeyPolicy", policyOf)["Policy"]?.string
        )

        // A policy for one more space: the same enclave is a stranger to it.
        let changed = broker.folder.file("changed.json")
        try RunningBroker.write(try RunningBroker.bytes(broker.folder.file("enclave.json")) + [0x20], changed)
        let wrong = try await RunningBroker.succeed([
            "keybroker", "policy", "key", "--binary", Programs.path("keybroker-enclave"), "--config", changed, "--role",
            RunningBroker.hostRole,
        ])
        try await Self.put(wrong, on: keyARN, administrator)
        let already = Self.refusals(broker)
        kill(try broker.enclavePID(), SIGKILL)
        for _ in 0..<1500 where Self.refusals(broker) == already { try await Task.sleep(for: .milliseconds(20)) }
        #expect(Self.refusals(broker) > already, "\(broker.folder.read("host.log").suffix(4000))")

        // The administrator can still put the right one, and the enclave goes on by itself.
        try await Self.put(right, on: keyARN, administrator)
        try await broker.waitUntilServing()
    }

    private static func refusals(_ broker: RunningBroker) -> Int {
        broker.folder.read("host.log").ranges(of: "KMS Decrypt failed - AccessDeniedException").count
    }
}
