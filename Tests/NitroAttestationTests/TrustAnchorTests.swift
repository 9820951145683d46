// SPDX-License-Identifier: Apache-2.0

import Encoding
import NitroAttestation
import TestSupport
import Testing

struct TrustAnchorTests {
    @Test(arguments: [
        ("aws", TrustAnchors.aws, "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"),
        ("aws-us-gov", TrustAnchors.awsUSGov, "20bcd30a3e168ea03789e1c45912bc123c4de3c977b8a6e1c125c7929d668b3b"),
    ])
    func `the embedded roots are the ones that AWS publishes`(_ name: String, _ anchors: TrustAnchors, _ sha256: String)
    {
        #expect(anchors.summaries.map { Hex.encode($0.fingerprint) } == [sha256], "\(name)")
    }

    @Test(
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)),
        arguments: [
            ("attestation/aws-nitro-root-g1.pem", TrustAnchors.aws),
            ("attestation/aws-us-gov-nitro-root.pem", TrustAnchors.awsUSGov),
        ]
    )
    func `a PEM file gives the same anchors as the embedded ones`(_ path: String, _ embedded: TrustAnchors) throws {
        let pem = String(decoding: try SharedData.bytes(path), as: UTF8.self)
        #expect(try TrustAnchors(pem: pem).summaries == embedded.summaries)
        #expect(try TrustAnchors(pem: pem.split(separator: "\n").joined(separator: "\r\n")).summaries.count == 1)
        #expect(try TrustAnchors(pem: "a comment\n" + pem + "\nanother\n" + pem).summaries.count == 2)
    }

    @Test func `several sets make one`() {
        let both = TrustAnchors([.aws, .awsUSGov])
        #expect(both.summaries == TrustAnchors.aws.summaries + TrustAnchors.awsUSGov.summaries)
    }

    @Test(arguments: [
        "", "no certificate", "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ])
    func `text without a usable certificate is refused`(_ pem: String) {
        #expect(throws: TrustAnchorError.self) { try TrustAnchors(pem: pem) }
    }

    @Test func `an oversized text is refused`() {
        #expect(throws: TrustAnchorError.self) {
            try TrustAnchors(pem: String(repeating: " \n", count: 1 << 18))
        }
    }
}
