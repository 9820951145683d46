// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Calls and shell blocks for KMS that are commonly published: as printed they end as in KMS, as corrected they succeed.
@Suite(.serialized)
struct PublishedCallTests {
    @Test(.enabled(if: ClientTests.hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `requests as printed get KMS's error, and as corrected succeed, from both key services`() async throws {
        let broker = try await RunningBroker()
        let result = try await Programs.run(
            ["python3", ClientTests.clients.appendingPathComponent("published_calls.py").path],
            environment: broker.clientEnvironment.merging([
                "KMS_URL": broker.kmsURL, "BROKER_URL": broker.url, "ROLE": RunningBroker.hostRole,
                "POLICIES": SharedData.repository.appendingPathComponent("docs/policies").path,
            ]) { $1 }
        )
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.hasSuffix("\nok\n"))
    }

    @Test(.enabled(if: ClientTests.hasAWS, "the aws command is not installed: make test installs it"))
    func `shell blocks as printed get KMS's error, and as corrected openssl agrees`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        _ = try await Tool.succeed(Programs.path("keybroker"), ["module", "create", folder.file("module")])
        let (kms, url) = try await RunningBroker.startKMS(folder)
        defer {
            kms.terminate()
            kms.waitUntilExit()
        }
        let result = try await Programs.run(
            ["bash", ClientTests.clients.appendingPathComponent("published_commands.sh").path],
            environment: RunningBroker.administrator.merging([
                "AWS_ENDPOINT_URL_KMS": url, "AWS_DEFAULT_REGION": "us-east-1",
            ]) { $1 }
        )
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.hasSuffix("ok\n"))
    }
}
