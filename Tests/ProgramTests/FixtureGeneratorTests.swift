// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

struct FixtureGeneratorTests {
    @Test func `the attestation fixtures are as their generator makes them`() async throws {
        let folder = SharedData.repository.appendingPathComponent("attestation-fixtures").path
        let result = try await Programs.run(["generate-fixtures", "--check", "--output", folder])
        #expect(result.status == 0, "\(result.text)\(result.errors)")
    }
}
