// SPDX-License-Identifier: Apache-2.0

import Foundation
import NitroAttestation
import TestSupport
import Testing

/// The example of the README: compiled, run, and the same in both places.
struct ReadmeExampleTests {
    @Test func `README shows the example that is compiled here`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let code = try String(contentsOf: folder.appendingPathComponent("ReadmeExample.swift"), encoding: .utf8)
        let license = "// SPDX-License-Identifier: Apache-2.0\n\n"
        #expect(code.hasPrefix(license))
        let example = code.dropFirst(license.count)
        let readme = SharedData.repository.appendingPathComponent("README.md")
        #expect(try String(contentsOf: readme, encoding: .utf8).contains("```swift\n\(example)```\n"))
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `the example returns the key of a document of AWS`() throws {
        let name = "20251015-reclaimprotoco-attestorcore-prod-625d11b8"
        let bytes = try SharedData.bytes("attestation/real/\(name).cbor")
        let claims = try UnverifiedAttestation(parsing: bytes).claims
        let (image, nonce) = (try #require(claims.pcrs[0]), try #require(claims.nonce))
        let now = claims.timestamp
        let key = try publicKey(attestedBy: bytes, image: image, nonce: nonce, now: now)
        #expect(try #require(key).count == 294)
        for (image, nonce, now, reason) in [
            (image.reversed(), nonce, now, Rejection.Reason.pcrMismatch),
            (image, image, now, .nonceMismatch),
            (image, nonce, now.advanced(byMilliseconds: 86_400_000), .certificateExpired),
        ] {
            let rejection = #expect(throws: Rejection.self) {
                try publicKey(attestedBy: bytes, image: image, nonce: nonce, now: now)
            }
            #expect(rejection?.reason == reason)
        }
    }

    @Test func `the example trusts no root but AWS's`() throws {
        let entry = try #require(FixtureManifest.shared.fixtures.first { $0.id == "everything-demanded" })
        let now = try #require(Timestamp(rfc3339: entry.time))
        let claims = try UnverifiedAttestation(parsing: entry.bytes).claims
        let (image, nonce) = (try #require(claims.pcrs[0]), try #require(claims.nonce))
        let rejection = try #require(throws: Rejection.self) {
            try publicKey(attestedBy: entry.bytes, image: image, nonce: nonce, now: now)
        }
        #expect(rejection.reason == .untrustedRoot)
    }
}
