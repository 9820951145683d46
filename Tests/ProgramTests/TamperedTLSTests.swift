// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import TestSupport
import Testing

/// The host between boto3 and the enclave while TLS ends inside.
@Suite(.serialized)
struct TamperedTLSTests {
    @Test(.enabled(if: ClientTests.hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `over TLS every connection that a host tampers with ends in an error, and no answer of its own is believed`()
        async throws
    {
        let broker = try await RunningBroker(tls: true)
        let result = try await Programs.run(
            ["python3", ClientTests.clients.appendingPathComponent("hostile_host.py").path],
            environment: broker.clientEnvironment
        )
        #expect(result.status == 0, "\(result.errors)")
        let outcomes = try #require(try JSON.parse(result.output).object)
        let asked = try #require(outcomes["asked"]?.int64)
        #expect(try #require(outcomes["errors"]?.int64) > 290)
        #expect(try #require(outcomes["answers"]?.int64) == 12)

        // And the enclave signed no more than was asked for.
        let status = try await broker.client().call("KeyBroker.GetStatus", .object(JSONObject()))
        let signatures = try #require(status["Requests"]?.object?["Signatures"]?.int64)
        #expect((12...asked).contains(signatures))
    }

    @Test(.enabled(if: ClientTests.hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `over TLS boto3 is told the same of a request that is not in order`() async throws {
        let broker = try await RunningBroker(tls: true)
        let result = try await Programs.run(
            ["python3", ClientTests.clients.appendingPathComponent("refusals.py").path],
            environment: broker.clientEnvironment
        )
        #expect(result.status == 0, "\(result.errors)")
    }
}
