// SPDX-License-Identifier: Apache-2.0

import CBOR
import Cryptography
import Encoding
import NitroAttestation

extension FixtureCollection {
    /// What a verifier must accept.
    mutating func addValid() throws {
        accept(
            "indefinite-map",
            "The payload is an indefinite-length map, as AWS writes it since 2025.",
            try document()
        )
        accept(
            "definite-map",
            "The payload is a definite-length map, as AWS wrote it before.",
            try document(indefiniteMap: false)
        )
        accept(
            "tag-18",
            "The envelope has the tag of COSE_Sign1, as AWS's text draws it.",
            try envelope { $0.head = [0xd2] }
        )
        accept("17-pcrs", "PCR16 is locked too.", try document { $0.pcrs = TestDocument.pcrs(count: 17) })
        accept("32-pcrs", "Every PCR is locked.", try document { $0.pcrs = TestDocument.pcrs(count: 32) })
        accept(
            "sparse-pcrs",
            "PCRs without order or lack of gaps: 0, 1, 2, 8 and 31.",
            try document {
                $0.pcrs = Dictionary(uniqueKeysWithValues: [0, 1, 2, 8, 31].map { ($0, TestDocument.pcr($0)) })
            }
        )
        accept(
            "optional-fields-absent",
            "public_key, user_data and nonce are not there, rather than null.",
            try document { (fields: inout CBORMap) in
                for name in ["public_key", "user_data", "nonce"] { fields.set(name, nil) }
            }
        )
        accept(
            "optional-fields-empty",
            "public_key, user_data and nonce have no bytes.",
            try document {
                $0.publicKey = []
                $0.userData = []
                $0.nonce = []
            }
        )
        accept(
            "optional-fields-full",
            "public_key, user_data and nonce have 1024 bytes each.",
            try document {
                $0.publicKey = [UInt8](repeating: 0x11, count: 1024)
                $0.userData = [UInt8](repeating: 0x22, count: 1024)
                $0.nonce = [UInt8](repeating: 0x33, count: 1024)
            }
        )
        accept(
            "fields-in-other-order",
            "The payload's fields stand in the reverse order.",
            try document { (fields: inout CBORMap) in fields.entries.reverse() }
        )
        try addValidSignatures()
        try addValidChains()
        try addValidTimes()
        try addValidPolicies()
    }

    private mutating func addValidSignatures() throws {
        let payload = AttestationDocumentEncoder.payload(base.claims)
        accept(
            "high-s",
            "The signature's s is above half the order of the group, as in half of AWS's documents.",
            try Envelope(payload: payload, key: base.key, half: .high).bytes
        )
        accept(
            "low-s",
            "The signature's s is below half the order of the group.",
            try Envelope(payload: payload, key: base.key, half: .low).bytes
        )
    }

    private mutating func addValidChains() throws {
        accept(
            "leaf-under-root",
            "The root issued the module's certificate: a bundle of one.",
            try document { (chain: inout TestChain) in
                chain.certificates.removeSubrange(TestChain.regionalLevel...TestChain.instanceLevel)
                let root = chain.certificates[0]
                chain.certificates[1].issuer = root.subject
                chain.certificates[1].issuerKey = root.issuerKey
            }
        )
        accept(
            "bundle-of-ten",
            "Six more authorities stand between root and regional authority.",
            try document { (chain: inout TestChain) in
                var parent = chain.certificates[0]
                for number in 1...6 {
                    let key = try TestKey("extra authority \(number)")
                    var authority = parent
                    authority.subject = .common("TEST extra authority \(number)")
                    authority.issuer = parent.subject
                    authority.issuerKey = number == 1 ? parent.issuerKey : try TestKey("extra authority \(number - 1)")
                    authority.spki = key.spki
                    authority.serialNumber = [0x43, UInt8(number)]
                    chain.certificates.insert(authority, at: number)
                    parent = authority
                }
                chain.certificates[7].issuer = parent.subject
                chain.certificates[7].issuerKey = try TestKey("extra authority 6")
            }
        )
        accept(
            "leaf-without-basic-constraints",
            "The module's certificate has no basicConstraints: it is no authority.",
            try document { (chain: inout TestChain) in
                chain.certificates[TestChain.leafLevel].replace(TestCertificate.Extension.basicConstraints, with: nil)
            }
        )
    }

    private mutating func addValidTimes() throws {
        let bytes = try document()
        func fixture(_ id: String, _ summary: String, _ change: (inout Fixture) -> Void) -> Fixture {
            var fixture = Fixture(id: id, summary: summary, expected: .accepted, bytes: bytes)
            change(&fixture)
            return fixture
        }
        let leaf = chain.certificates[TestChain.leafLevel]
        add(fixture("at-document-time", "Verified at the time that the document states.") { $0.time = nil })
        add(
            fixture("at-not-after", "Verified in the last moment of the module's certificate.") {
                $0.time = leaf.notAfter
            }
        )
        add(
            fixture("behind-by-the-leeway", "The verifier's clock is behind the certificate by just the leeway.") {
                $0.time = leaf.notBefore.advanced(byMilliseconds: -60_000)
                $0.policy.clockLeeway = 60_198
            }
        )
        add(
            fixture("at-maximum-age", "The document is as old as the policy allows, to the millisecond.") {
                $0.time = TestChain.documentTime.advanced(byMilliseconds: 300_000)
                $0.policy.maximumAge = 300_000
            }
        )
    }

    private mutating func addValidPolicies() throws {
        var everything = Fixture(
            id: "everything-demanded",
            summary: "Every demand that a policy can make is met.",
            expected: .accepted,
            bytes: try document {
                $0.publicKey = recipient.spki
                $0.userData = Array("user data of the fixture".utf8)
                $0.nonce = Array("nonce of the fixture".utf8)
                $0.pcrs = TestDocument.pcrs(count: 17)
            }
        )
        for index in [0, 1, 2, 3, 4, 16] { everything.policy.pcrs[index] = TestDocument.pcr(index) }
        everything.policy.publicKey = recipient.spki
        everything.policy.userData = Array("user data of the fixture".utf8)
        everything.policy.nonce = Array("nonce of the fixture".utf8)
        everything.policy.requiresRSAPublicKey = true
        everything.policy.maximumAge = 0
        everything.policy.clockLeeway = 0
        add(everything)

        var debug = Fixture(
            id: "debug-mode-allowed",
            summary: "An enclave in debug mode, under a policy that allows it.",
            expected: .accepted,
            bytes: try document { $0.pcrs.merge(Self.debugPCRs) { $1 } }
        )
        debug.policy.allowsDebugMode = true
        add(debug)
    }

    /// PCR0 to PCR2 of an enclave in debug mode.
    static let debugPCRs = Dictionary(uniqueKeysWithValues: (0...2).map { ($0, [UInt8](repeating: 0, count: 48)) })
}
