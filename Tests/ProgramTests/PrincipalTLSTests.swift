// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import KMSProtocol
import TestSupport
import Testing

/// What answers with a secret, over TLS that ends in the enclave.
@Suite(.serialized) struct PrincipalTLSTests {
    private static let policy: JSON = .string(
        #"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:GenerateRandom","Resource":"*"}}"#
    )

    private static func client(_ broker: RunningBroker, _ created: JSONObject) throws -> KMSClient {
        try RunningBroker.client(
            broker.url,
            id: RunningBroker.require(created["Principal"]?.object?["AccessKeyId"]?.string),
            secret: RunningBroker.require(created["SecretAccessKey"]?.string),
            transport: WebTransport(certificateAuthorityFile: broker.bundle)
        )
    }

    private static func error(_ client: KMSClient, _ target: String, _ input: JSON) async -> String? {
        do throws(KMSClient.Failure) {
            _ = try await client.call(target, input)
            return nil
        } catch {
            guard case .service(let error, _) = error else { return "\(error)" }
            return error.name
        }
    }

    @Test func `a principal is made, rotates its access key, acts within its policies, and ends when it is deleted`()
        async throws
    {
        let broker = try await RunningBroker(tls: true)
        let administrator = try broker.client()
        let first = try await administrator.change(
            "KeyBroker.CreatePrincipal",
            ["PrincipalName": "auditor", "Policies": [Self.policy]]
        )
        let second = try await administrator.change("KeyBroker.CreatePrincipal", ["PrincipalName": "auditor"])
        for created in [first, second] {
            let principal = try #require(created["Principal"]?.object)
            #expect(principal["Arn"]?.string == "arn:aws:iam::000000000000:user/auditor")
            #expect(principal["Policies"] == [Self.policy])
            #expect(principal["CreationDate"] != nil)
            let client = try Self.client(broker, created)
            let random = try await client.call("TrentService.GenerateRandom", ["NumberOfBytes": 16])
            #expect(random.blob("Plaintext")?.count == 16)
            #expect(await Self.error(client, "TrentService.ListKeys", [:]) == "AccessDeniedException")
        }
        #expect(first["SecretAccessKey"] != second["SecretAccessKey"])
        // Not the same request as before: that would be told to be a repetition.
        let input: JSON = ["PrincipalName": "auditor", "Policies": []]
        #expect(await Self.error(administrator, "KeyBroker.CreatePrincipal", input) == "LimitExceededException")

        let firstKey = try #require(first["Principal"]?.object?["AccessKeyId"])
        _ = try await administrator.change("KeyBroker.DeletePrincipal", ["AccessKeyId": firstKey])
        let random: JSON = ["NumberOfBytes": 16]
        let ended = try Self.client(broker, first)
        #expect(await Self.error(ended, "TrentService.GenerateRandom", random) == "UnrecognizedClientException")
        #expect(await Self.error(try Self.client(broker, second), "TrentService.GenerateRandom", random) == nil)

        try await broker.restart()
        #expect(
            await Self.error(try Self.client(broker, first), "TrentService.GenerateRandom", random)
                == "UnrecognizedClientException"
        )
        #expect(await Self.error(try Self.client(broker, second), "TrentService.GenerateRandom", random) == nil)
    }
}
