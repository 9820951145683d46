// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// Clients that nobody here wrote, against a broker that is set up as an operator would.
@Suite(.serialized, .sharedBroker())
struct ClientTests {
    static let clients = SharedData.repository.appendingPathComponent("Tests/ProgramTests/Clients")

    static let hasBoto3 = Tool.pythonHas("boto3", "cryptography")
    static let hasAWS = Tool.pythonHas("awscli")

    @Test(.enabled(if: hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `boto3 signs, verifies and authenticates through the ingress, and cryptography agrees`() async throws {
        let broker = try SharedBroker.current
        let result = try await Programs.run(
            ["python3", Self.clients.appendingPathComponent("boto3_client.py").path],
            environment: broker.clientEnvironment.merging(["IMPORTED_HMAC_KEY": Hex.encode(broker.imported.hmac)]) {
                $1
            }
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.text.hasSuffix("ok\n"))
    }

    @Test(.enabled(if: hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `boto3 is told by KMS's names and texts what is wrong with a request`() async throws {
        let broker = try SharedBroker.current
        let result = try await Programs.run(
            ["python3", Self.clients.appendingPathComponent("refusals.py").path],
            environment: broker.clientEnvironment
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.text.hasSuffix("ok\n"))
    }

    @Test(.enabled(if: hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `boto3 changes keys, and its own retries tell the same change twice from a repetition`() async throws {
        let broker = try SharedBroker.current
        let result = try await Programs.run(
            ["python3", Self.clients.appendingPathComponent("boto3_changes.py").path],
            environment: broker.clientEnvironment
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.text.hasSuffix("ok\n"))
    }

    @Test(.enabled(if: hasAWS, "the aws command is not installed: make test installs it"))
    func `the aws command signs, verifies and authenticates through the ingress, and openssl agrees`() async throws {
        let broker = try SharedBroker.current
        let result = try await Programs.run(
            ["bash", Self.clients.appendingPathComponent("aws_command.sh").path],
            environment: broker.clientEnvironment
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.text.hasSuffix("ok\n"))
    }
}
